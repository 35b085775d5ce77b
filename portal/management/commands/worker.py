"""The worker process: does what the queue wakes it for. Told to stop, it finishes the job it is at and takes no other."""
from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

import django_rq
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.job import Job
from rq.queue import Queue

from portal import quarantine

logger = logging.getLogger("steward.worker")
_stop = threading.Event()


class Worker(SimpleWorker):
    """rq's worker in one process: jobs are short, and PostgreSQL's connection is kept from one to the next while it is good."""

    log_job_description = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        close_old_connections()
        try:
            if not quarantine.said("the worker"):  # jobs are wake-ups: what is left undone is found again
                super().execute_job(job, queue)
        finally:
            close_old_connections()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        _stop.set()
        super().request_stop(signum, frame)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Asked once more: the job that runs is still finished. Whoever cannot wait sends SIGKILL, and nothing is lost."""


class Command(BaseCommand):
    help = "Does background work, until it is told to stop; the job that runs then is finished first."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--burst", action="store_true", help="do what waits, then end")

    def handle(self, *_args: object, **options: object) -> None:
        pause = 1.0
        logger.info("the worker runs")
        while not _stop.is_set():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: _stop.set())
            try:
                queue = django_rq.get_queue("default")
                worker = Worker([queue], connection=queue.connection, serializer="json", log_job_description=False)
                worker.work(burst=bool(options["burst"]))
                pause = 1.0
            except RedisError as error:
                logger.warning("the queue does not answer (%s); the worker tries again in %d s", type(error).__name__, pause)
            if options["burst"]:
                return
            _stop.wait(pause)
            pause = min(pause * 2, 15.0)
