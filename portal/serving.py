"""How the web processes start and end under gunicorn: one-line refusals, our log, one folder of measurements, a polite end."""
from __future__ import annotations

import signal
from types import FrameType

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from portal import env


class Worker(ThreadWorker):
    """Ends in two steps: first `/readyz` says no while requests are still taken, so that the proxy looks elsewhere; then it
    takes no more and finishes what runs."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        from portal import probes

        if probes.draining():
            return
        probes.drain()
        seconds = env.number("STEWARD_DRAIN_SECONDS", default=0, least=0, most=300)
        if not seconds:
            super().handle_exit(sig, frame)
            return
        signal.signal(signal.SIGALRM, super().handle_exit)
        signal.alarm(seconds)


class Log(Logger):
    """gunicorn's own lines go where ours go, in our format and masked; it keeps no log of accesses."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True
