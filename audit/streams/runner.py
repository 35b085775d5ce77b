"""The process that serves all receivers, line by line: log streams here, and what else is sent out.

Half of the hands of a line are kept for receivers that work, so slow and broken ones never hold up the others.
"""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections

from audit.streams import delivery

logger = logging.getLogger("steward.streams")
HANDS = 8
TICK = 0.5


@dataclass(frozen=True)
class Line:
    """One kind of receivers: which have something due (id, organization, whether it is failing or slow), and the turn of one of them."""

    what: str
    due: Callable[[], list[tuple[UUID, UUID, bool]]]
    turn: Callable[..., int]


STREAMS = Line("stream", delivery.due, delivery.turn)


class Runner:
    def __init__(self, stop: threading.Event, line: Line = STREAMS) -> None:
        self.stop, self.line = stop, line
        self.busy: dict[UUID, bool] = {}
        """The streams in hand, and whether each had failed before."""
        self.lock = threading.Lock()

    def round(self, pool: ThreadPoolExecutor) -> int:
        """Give what is due to free hands. Returns how many were given."""
        given = 0
        for stream, org, failed in self.line.due():
            with self.lock:
                if stream in self.busy or len(self.busy) >= HANDS or (failed and sum(self.busy.values()) >= HANDS // 2):
                    continue
                self.busy[stream] = failed
            pool.submit(self._serve, stream, org)
            given += 1
        return given

    def _serve(self, stream: UUID, org: UUID) -> None:
        try:
            self.line.turn(stream, org, stop=self.stop)
        except (OperationalError, InterfaceError):
            logger.warning("PostgreSQL ended the turn of %s %s; it is taken up again", self.line.what, stream)
        except Exception:
            logger.exception("the turn of %s %s failed on our side", self.line.what, stream)
        finally:
            connections.close_all()  # also lets go of the lock
            with self.lock:
                self.busy.pop(stream, None)


def loop(*, stop: threading.Event, tick: float = TICK, lives: Callable[[], None] = lambda: None, rests: Callable[[], bool] = lambda: False, lines: Sequence[Line] = (STREAMS,)) -> None:
    """Serve until told to stop; what is being sent then is finished first. `lives` is called in each round; while it `rests` nothing is sent. No line waits for another: each has its own hands."""
    with ExitStack() as stack:
        served = [(Runner(stop, line), stack.enter_context(ThreadPoolExecutor(HANDS, thread_name_prefix=line.what))) for line in lines]
        while not stop.is_set():
            if rests():
                stop.wait(5.0)
                continue
            try:
                for runner, pool in served:
                    runner.round(pool)
                lives()
            except (OperationalError, InterfaceError) as error:
                logger.warning("PostgreSQL does not answer (%s); trying again", type(error).__name__)
                connections.close_all()
            stop.wait(tick)


def once(lines: Sequence[Line] = (STREAMS,)) -> int:
    """One turn for each receiver that has something due, one after the other."""
    return sum(line.turn(one, org) for line in lines for one, org, _failed in line.due())
