"""Work that is done in batches, a batch of each piece in turn: what is large does not keep what is small waiting, and what fails keeps nothing else back."""
from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from uuid import UUID


def take(step: Callable[[UUID], int], waiting: Callable[[Collection[UUID]], Iterable[UUID]], *, seconds: float) -> bool:
    """One batch of each piece after the other, until nothing is done any more or the time is over. Returns whether something is left that can go on.

    `waiting` gives what waits, without these that failed; `step` does the next batch of one, and says how much that was. Where only what failed is left, its first error is
    raised: the job has failed then, and is tried again with the schedule, not at once.
    """
    end, failed = time.monotonic() + seconds, dict[UUID, Exception]()
    while True:
        done, late = 0, False
        for number in list(waiting(failed)):
            try:
                done += step(number)
            except Exception as error:
                failed[number] = error
            if late := time.monotonic() > end:
                break
        if late and any(True for _ in waiting(failed)):
            return True
        if late or not done:
            break
    for error in failed.values():
        raise error
    return False
