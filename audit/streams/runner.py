"""The process that serves all streams. Half of its hands are kept for receivers that work, so slow and broken ones never hold up the others."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections

from audit.streams import delivery

logger = logging.getLogger("steward.streams")
HANDS = 8
TICK = 0.5


class Runner:
    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.busy: dict[UUID, bool] = {}
        """The streams in hand, and whether each had failed before."""
        self.lock = threading.Lock()

    def round(self, pool: ThreadPoolExecutor) -> int:
        """Give what is due to free hands. Returns how many were given."""
        given = 0
        for stream, org, failed in delivery.due():
            with self.lock:
                if stream in self.busy or len(self.busy) >= HANDS or (failed and sum(self.busy.values()) >= HANDS // 2):
                    continue
                self.busy[stream] = failed
            pool.submit(self._serve, stream, org)
            given += 1
        return given

    def _serve(self, stream: UUID, org: UUID) -> None:
        try:
            delivery.turn(stream, org, stop=self.stop)
        except (OperationalError, InterfaceError):
            logger.warning("PostgreSQL ended the turn of stream %s; it is taken up again", stream)
        except Exception:
            logger.exception("the turn of stream %s failed on our side", stream)
        finally:
            connections.close_all()  # also lets go of the lock
            with self.lock:
                self.busy.pop(stream, None)


def loop(*, stop: threading.Event, tick: float = TICK, lives: Callable[[], None] = lambda: None, rests: Callable[[], bool] = lambda: False) -> None:
    """Serve until told to stop; what is being sent then is finished first. `lives` is called in each round; while it `rests` nothing is sent."""
    runner = Runner(stop)
    with ThreadPoolExecutor(HANDS, thread_name_prefix="stream") as pool:
        while not stop.is_set():
            if rests():
                stop.wait(5.0)
                continue
            try:
                runner.round(pool)
                lives()
            except (OperationalError, InterfaceError) as error:
                logger.warning("PostgreSQL does not answer (%s); trying again", type(error).__name__)
                connections.close_all()
            stop.wait(tick)


def once() -> int:
    """One turn for each stream that is due, one after the other."""
    return sum(delivery.turn(stream, org) for stream, org, _failed in delivery.due())
