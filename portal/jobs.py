"""Work outside the request. Jobs are wake-ups without arguments that drain what PostgreSQL says is due."""
from __future__ import annotations

import logging

import django_rq
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from accounts import bulk_run, due, exporting, listing_query, outbox, purging, rights
from accounts.catalogue import delivering
from accounts.catalogue import running as apps_running
from accounts.claims import running as claims_running
from accounts.communications import sending
from accounts.domains import checks
from accounts.dormant import running as dormant
from accounts.inactivity import running as inactivity
from accounts.oauth import calling
from accounts.organizations import ending
from accounts.services import telling as access_telling
from accounts.signals import running as signals_running
from accounts.succession import watch
from accounts.tenancy import installation
from accounts.webhooks import running as webhooks_running
from audit import clocks, disclosure, partitions, pruning, subscribers
from dsar import horizon
from dsar.backups import register
from dsar.cases import children, inquiries
from dsar.cases import running as cases_running
from dsar.content import life as content
from dsar.export import run
from dsar.holds import running as legal_holds
from dsar.ledger import settling
from dsar.registers import disclosures, recipients, rounds, transfers, versions
from dsar.registers import notices as register_notices
from dsar.relays import sending as relays_sending
from dsar.relays import uninstalled
from dsar.relays import watching as relays_watching
from dsar.restriction import life as restrictions
from dsar.retention import running as retention_running
from dsar.wholesale import run as wholesale

logger = logging.getLogger("steward.jobs")


def follow() -> None:
    """Let the subscribers read the log, then send the mail that is due."""
    _begun("follow")
    with installation("subscribers read every log; the outbox belongs to the installation"):
        subscribers.drain()
        if rights.asked():
            rights.answer_asked(now=timezone.now())
        if inquiries.waiting():
            inquiries.answer(now=timezone.now())
        if children.waiting():
            children.answer(now=timezone.now())
        outbox.deliver(now=timezone.now())
    if exporting.unfinished():
        wake("exports")
    if checks.due(now=timezone.now()):
        wake("domains")
    if purging.due(now=timezone.now()):
        wake("purges")
    if run.waiting() or wholesale.waiting():
        wake("copies")
    if claims_running.waiting(now=timezone.now()):
        wake("claims")
    if _relays():
        wake("relays")
    if _announced():
        wake("announcements")
    if _rounds():
        wake("tellings")
    if _apps():
        wake("apps")


def _apps() -> bool:
    return delivering.waiting(now=timezone.now()) or apps_running.waiting() or apps_running.unfinished()


def _rounds() -> bool:
    with installation("people of every organization are told what concerns them"):
        return rounds.waiting() or access_telling.waiting()


def _relays() -> bool:
    return relays_sending.waiting(now=timezone.now()) or uninstalled.waiting()


def _announced() -> bool:
    with installation("announcements of every organization go on"):
        return sending.waiting()


def periodic() -> None:
    """What time alone brings about: access that comes back, second factors whose hour is over, plans that expire, owners who are gone."""
    _begun("periodic")
    due.run(now=timezone.now())
    watch.run(now=timezone.now())
    listing_query.fold_counts()
    partitions.prepare(today=timezone.now().date())
    exporting.expire(now=timezone.now())
    bulk_run.resume()
    run.tell(now=timezone.now())
    content.run(now=timezone.now())  # before deletions: whoever is deleted hears of it first
    if exporting.unfinished():
        wake("exports")
    if checks.due(now=timezone.now()):
        wake("domains")
    purging.run(now=timezone.now())
    ending.run(now=timezone.now())
    if claims_running.waiting(now=timezone.now()):
        wake("claims")
    cases_running.run(now=timezone.now())
    run.remind(now=timezone.now())
    run.expire(now=timezone.now())
    horizon.run(now=timezone.now())
    if cache.add("legal-holds-looked-at", 1, 3600):
        legal_holds.run(now=timezone.now())
    restrictions.run(now=timezone.now())
    disclosures.run(now=timezone.now())
    transfers.run(now=timezone.now())
    recipients.run(now=timezone.now())
    apps_running.run(now=timezone.now())
    if _apps():
        wake("apps")
    versions.run(now=timezone.now())
    register_notices.run(now=timezone.now())
    if cache.add("inactivity-looked", 1, 3600):
        inactivity.run(now=timezone.now())
        dormant.run(now=timezone.now())
    wholesale.run(now=timezone.now())
    if cache.add("webhooks-looked-at", 1, 600):
        webhooks_running.run(now=timezone.now())
        signals_running.run(now=timezone.now())
    relays_watching.run(now=timezone.now())
    if _relays():
        wake("relays")
    if cache.add("retention-looked", 1, 3600) or retention_running.waiting():
        wake("retention")
    if run.waiting() or wholesale.waiting():
        wake("copies")
    if _announced():
        wake("announcements")
    if _rounds():
        wake("tellings")
    age_log()
    settling.settle(now=timezone.now())
    calling.forget(now=timezone.now())
    age_backups()


def age_backups() -> None:
    """Archives whose time is over go, and what people are told about the last one follows the register. Once an hour."""
    if settings.BACKUPS and cache.add("backups-aged", 1, 3600):
        try:
            register.expire(now=timezone.now())
            register.mirror()
        except register.Broken as error:
            logger.error("backups are not looked after: %s", error)


def age_log() -> None:
    """Erasures that waited for a hold; once an hour, what in the log is older than was agreed."""
    now = timezone.now()
    with installation("time passes in every log"):
        disclosure.carry_out_waiting(now=now)
        if cache.add("log-aged", 1, 3600):
            clocks.run(now=now)
            pruning.run(now=now)


def many() -> None:
    """Judge and carry out plans of many targets for a few seconds; what is left goes to the end of the queue, so that mail is not kept waiting."""
    _begun("many")
    if bulk_run.resume():
        wake("many")


def domains() -> None:
    """Look for the proof of domains for some seconds; what is left goes to the end of the queue."""
    _begun("domains")
    if checks.run(now=timezone.now()) and checks.due(now=timezone.now()):
        wake("domains")


def purges() -> None:
    """Delete the accounts whose date has come."""
    _begun("purges")
    purging.run(now=timezone.now())


def claims() -> None:
    """Tell, start and end control of accounts for some seconds; what is left goes to the end of the queue."""
    _begun("claims")
    if claims_running.run(now=timezone.now()):
        wake("claims")


def copies() -> None:
    """Make copies of what is held about people, for some seconds, and exports of organizations; what is left goes to the end of the queue."""
    _begun("copies")
    wholesale.resume(now=timezone.now())
    if run.resume(now=timezone.now()):
        wake("copies")


def relays() -> None:
    """Bring requests to services and apps for some seconds; what is left goes to the end of the queue, so that a program that hangs keeps nobody's mail waiting."""
    _begun("relays")
    more = False
    try:
        more = uninstalled.run(now=timezone.now())
    finally:  # what fails there keeps no request from being sent
        if relays_sending.run(now=timezone.now()) or more:
            wake("relays")


def announcements() -> None:
    """Owe the mails of announcements for some seconds; what is left goes to the end of the queue, so that other mail is not kept waiting."""
    _begun("announcements")
    if sending.run(now=timezone.now()):
        wake("announcements")
    wake()


def tellings() -> None:
    """Tell many people of disclosures, notices, changes of controllers and of their access to services, for some seconds; what is left goes to the end of the queue."""
    _begun("tellings")
    more = False
    try:
        more = rounds.run(now=timezone.now())
    finally:  # what fails there keeps nobody here waiting
        if access_telling.run(now=timezone.now()) or more:
            wake("tellings")
    wake()


def apps() -> None:
    """Tell providers of apps, clear what people hold of an app that is gone, and tell them, for some seconds; what is left goes to the end of the queue.

    A provider that hangs keeps nobody's mail waiting.
    """
    _begun("apps")
    delivering.run(now=timezone.now(), most=5)
    apps_running.clear(now=timezone.now())
    if apps_running.tell(now=timezone.now()) or _apps():
        wake("apps")
    wake()


def retention() -> None:
    """Begin and carry on the runs over what is past its day, for some seconds; what is left goes to the end of the queue, so that nobody's mail waits."""
    _begun("retention")
    if retention_running.run(now=timezone.now()):
        wake("retention")


def exports() -> None:
    """Carry exports of the audit log on for a few seconds; what is left goes to the end of the queue."""
    _begun("exports")
    if exporting.resume():
        wake("exports")


_WAITS = 30
"""Seconds for which a job that is in the queue is not put there once more. A lost one is noticed after this time at the latest."""


def wake(job: str = "follow") -> None:
    """Tell a worker that there is something to do, unless one is told already. If Redis is away, the scheduler's next round does the same.

    The mark says "in the queue", not "running": a job that failed, or whose worker was killed, stands in nobody's way.
    """
    queue = django_rq.get_queue("default")
    try:
        if queue.connection.set(_mark(job), 1, nx=True, ex=_WAITS):
            queue.enqueue(f"portal.jobs.{job}", result_ttl=0, failure_ttl=3600)
    except RedisError as error:
        logger.warning("the queue does not answer (%s); the scheduler will catch up", type(error).__name__)


def _mark(job: str) -> str:
    return f"{settings.CACHES['default']['KEY_PREFIX']}:waiting:{job}"


def _begun(job: str) -> None:
    """From here on a further call wakes again: what it is about may come too late for us."""
    try:
        django_rq.get_queue("default").connection.delete(_mark(job))
    except RedisError as error:
        logger.warning("the queue does not answer (%s)", type(error).__name__)
