"""The measurements that Prometheus may fetch: few, documented in docs/operating.md, and without a person's or organization's name.

Requests are counted by each web process; under gunicorn all processes of a machine write to one folder, so that whichever
of them answers knows them all. Everything else is asked from PostgreSQL and Valkey at the moment of fetching.
"""
from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from accounts.succession import owners
from audit import drill, key_store, selfcheck
from dsar.backups import register
from dsar.ledger import file, quarantine
from dsar.retention import running as retention_running
from portal import beats, counting

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
VERSION = str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])
JOB_STATES = ("uploaded", "preparing", "planned", "awaiting_approval", "running", "stopped", "failed")
_own = CollectorRegistry()
_requests = Counter("steward_requests_total", "Requests answered, by the name of the address and the class of the status.", ["route", "status"], registry=_own)
_seconds = Histogram("steward_request_seconds", "How long answers took, by the name of the address.", ["route"], registry=_own,
                     buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30))


def observe(*, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    _requests.labels(route=route, status=f"{status // 100}xx").inc()
    _seconds.labels(route=route).observe(seconds)


class Asked(Collector):
    """What PostgreSQL and Valkey say now. When one of them does not answer, its numbers are missing and `…_up` is 0."""

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("steward_build_info", "Always 1; the label is the version that runs.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        try:
            found = list(_database())
        except DatabaseError:
            connection.close()
            found = []
        yield GaugeMetricFamily("steward_database_up", "Whether PostgreSQL answered.", value=bool(found))
        yield from found
        yield GaugeMetricFamily("steward_keys_up", "Whether the keys' database answered.", value=key_store.answers())
        acts = CounterMetricFamily("steward_acts_total", "What the log records, by power and outcome, from every surface; other is what is no power, such as signing in.",
                                   labels=["power", "outcome"])
        try:
            for (power, outcome), number in sorted(counting.counted().items()):
                acts.add_metric([power, outcome], number)
            streamer = beats.streamer_silent(now=datetime.now(UTC))
        except RedisError:
            yield GaugeMetricFamily("steward_valkey_up", "Whether Valkey answered.", value=0)
        else:
            yield GaugeMetricFamily("steward_valkey_up", "Whether Valkey answered.", value=1)
            yield GaugeMetricFamily("steward_streamer_silent_seconds", "How long ago a streamer was seen; +Inf when none was since Valkey began.", value=streamer)
            yield acts


def _database() -> Iterator[Metric]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '5s', true), set_config('steward.reach', 'installation', true)")
        cursor.execute("SELECT count(*), COALESCE((SELECT GREATEST(0, extract(epoch FROM now() - p.occurred_at)) FROM audit_pending p"
                       " ORDER BY p.ord LIMIT 1), 0) FROM audit_pending")
        waiting, oldest = cursor.fetchone()
        yield GaugeMetricFamily("steward_audit_pending", "Entries of the log that have no number yet.", value=waiting)
        yield GaugeMetricFamily("steward_audit_oldest_pending_seconds", "How long the oldest of them has waited.", value=float(oldest))
        yield from _checked()
        yield GaugeMetricFamily("steward_signer_silent_seconds", "How long ago a signer was at work; +Inf when none ever was.", value=beats.signer_silent(now=datetime.now(UTC)))
        yield GaugeMetricFamily("steward_signer_refuses", "Whether the signer refuses to sign a log.", value=beats.signer_refuses())
        yield GaugeMetricFamily("steward_organizations_without_owner", "Organizations that no owner can sign in to.", value=len(owners.without()))
        yield from _outside()
        cursor.execute("SELECT count(*) FROM dsar_case WHERE closed_at IS NULL AND statutory_due < current_date")
        yield GaugeMetricFamily("steward_requests_overdue", "Requests of people whose date was missed.", value=cursor.fetchone()[0])
        cursor.execute("SELECT count(*) FROM dsar_accountreport WHERE state = 'open' AND due_at <= now()")
        yield GaugeMetricFamily("steward_reports_overdue", "Reports about accounts in no organization that the operator did not decide in time.", value=cursor.fetchone()[0])
        yield GaugeMetricFamily("steward_retention_overdue", "Records that are past their day and still here, as the latest runs found; 0 is what should be.", value=retention_running.overdue())
        for state, words in (("due", "Mails that wait to be sent."), ("failed", "Mails that were given up.")):
            cursor.execute("SELECT count(*) FROM accounts_mail WHERE state = %s", [state])
            yield GaugeMetricFamily(f"steward_mail_{state}", words, value=cursor.fetchone()[0])
        lag = GaugeMetricFamily("steward_subscriber_lag", "Numbered entries that a subscriber has not read yet.", labels=["subscriber"])
        cursor.execute("SELECT c.name, GREATEST(0, s.pos - c.pos) FROM audit_cursor c CROSS JOIN audit_state s WHERE s.id = 1 AND c.name = ANY(%s)", [_subscribers()])
        behind = dict(cursor.fetchall())
        cursor.execute("SELECT pos FROM audit_state WHERE id = 1")
        everything = cursor.fetchone()[0]
        for name in _subscribers():
            lag.add_metric([name], behind.get(name, everything))
        yield lag
        jobs = GaugeMetricFamily("steward_jobs", "Plans that are not over, stopped or failed, by state.", labels=["state"])
        cursor.execute("SELECT state, count(*) FROM accounts_plan WHERE state = ANY(%s) GROUP BY state", [list(JOB_STATES)])
        numbers = dict(cursor.fetchall())
        for state in JOB_STATES:
            jobs.add_metric([state], numbers.get(state, 0))
        yield jobs


def _outside() -> Iterator[Metric]:
    """The ledger, and backups where the register knows them."""
    yield GaugeMetricFamily("steward_quarantine", "Whether nobody is served because this database does not agree with the ledger.", value=bool(quarantine.now()))
    yield GaugeMetricFamily("steward_ledger_writable", "Whether a line could be written to the ledger now; nothing is deleted while it cannot.", value=not file.trouble())
    late, age = register.standing(now=datetime.now(UTC))
    yield GaugeMetricFamily("steward_backups_late", "Backups that are there past their end.", value=late)
    if settings.BACKUPS:
        yield GaugeMetricFamily("steward_backup_age_seconds", "How long ago the newest backup of the main database was made; +Inf when there is none.", value=age)


def _checked() -> Iterator[Metric]:
    checks, drills, now = selfcheck.last(), selfcheck.last(action=drill.ACTION), datetime.now(UTC)
    failed = {row.org for row in (*checks, *drills) if row.failed}
    yield GaugeMetricFamily("steward_audit_findings", "Logs whose last self-check or tamper drill found something.", value=len(failed))
    ages = [(now - row.at).total_seconds() for row in checks if row.at]
    yield GaugeMetricFamily("steward_audit_oldest_check_seconds", "How long ago the log was verified that has waited longest, of those that were verified at all.", value=max(ages, default=0.0))


def _subscribers() -> list[str]:
    from audit.subscribers import registered

    return [subscriber.name for subscriber in registered()]


def text() -> bytes:
    """The page that Prometheus reads."""
    shown = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(shown)
    else:
        shown.register(_Of(_own))
    shown.register(Asked())
    return generate_latest(shown)


class _Of(Collector):
    """The measurements of another registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def collect(self) -> Iterator[Metric]:
        yield from self.registry.collect()

    def describe(self) -> list[Metric]:
        return []
