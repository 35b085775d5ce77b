"""Work outside the request. Jobs are wake-ups without arguments that drain what PostgreSQL says is due."""
from __future__ import annotations

import logging

import django_rq
from django.utils import timezone
from redis.exceptions import RedisError
from rq.exceptions import DuplicateJobError

from accounts import bulk_run, due, listing_query, outbox
from accounts.tenancy import installation
from audit import subscribers

logger = logging.getLogger("steward.jobs")


def follow() -> None:
    """Let the subscribers read the log, then send the mail that is due."""
    with installation("subscribers read every log; the outbox belongs to the installation"):
        subscribers.drain()
        outbox.deliver(now=timezone.now())


def periodic() -> None:
    """What time alone brings about: access that comes back, second factors whose hour is over, plans that expire."""
    due.run(now=timezone.now())
    listing_query.fold_counts()
    many()


def many(turn: int = 0) -> None:
    """Judge and carry out plans of many targets for a few seconds; what is left goes to the end of the queue, so that mail is not kept waiting."""
    if bulk_run.resume():
        wake("many", turn=1 - turn)  # the job that runs still holds its own id


def wake(job: str = "follow", *, turn: int = 0) -> None:
    """Tell a worker that there is something to do. If Redis is away, the scheduler's next round does the same."""
    try:
        django_rq.get_queue("default").enqueue(f"portal.jobs.{job}", *((turn,) if turn else ()), job_id=f"steward-{job}-{turn}", unique=True, result_ttl=0, failure_ttl=3600)
    except DuplicateJobError:
        pass
    except RedisError as error:
        logger.warning("the queue does not answer (%s); the scheduler will catch up", type(error).__name__)
