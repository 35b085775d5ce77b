"""The life of a copy: made by the worker, kept sealed for a week, fetched at most three times, destroyed."""
from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts import lately, outbox
from accounts.models import Account, Management
from accounts.reasons import Refused
from accounts.tenancy import installation
from accounts.work import plain
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases.models import Case, State
from dsar.content.telling import FACT
from dsar.export import making, sealed
from dsar.models import Copy, CopyState
from dsar.relays import answering

logger = logging.getLogger("steward.copies")
KEPT = timedelta(days=7)
REMINDED = timedelta(days=1)
"""So long before a copy goes, whoever has not fetched it hears of it."""
DOWNLOADS = 3
ATTEMPTS = 3
_YOUNG = 3600
_SCHEDULE = ActorRef(type="schedule")


class NotThere(Exception):
    """There is no such copy to fetch: never made, over, fetched too often, or somebody else's."""


def folder() -> Path:
    """Where the sealed files lie; their names are numbers of copies."""
    path = Path(settings.DATA) / "copies"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def waiting() -> bool:
    """Whether a copy is to be made."""
    with installation("copies of people in every organization"):
        return _asked()


def _asked() -> bool:
    return _due(datetime.now(UTC)).exists()


def _due(now: datetime) -> QuerySet[Copy]:
    """Copies to be made now. One that answers a request waits some days for what services and apps give for it, and never beyond the day by which they were to answer."""
    return Copy.objects.filter(state=CopyState.ASKED).exclude(for_case__in=answering.awaited(now))


def resume(*, now: datetime, seconds: float = 20.0, only: UUID | None = None) -> bool:
    """Make the copies that wait, for some seconds. True when something is left. Safe to run twice at once and after a crash."""
    end = time.monotonic() + seconds
    with installation("copies of people in every organization"):
        ids = [only] if only else list(_due(now).order_by("asked_at").values_list("id", flat=True)[:100])
    for copy_id in ids:
        if time.monotonic() > end:
            return True
        _make(copy_id, now)
    return False


def _make(copy_id: UUID, now: datetime) -> None:
    """One copy. Whoever makes it holds a lock of the database session, which ends with the process however that ends."""
    number = int.from_bytes(hashlib.sha256(copy_id.bytes).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            return
    try:
        with installation("a copy that waits"):
            row = Copy.objects.filter(id=copy_id, state=CopyState.ASKED).first()
        if row is not None:
            _attempt(row, now)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def _attempt(row: Copy, now: datetime) -> None:
    path, key = folder() / f"{row.id}.part", sealed.new_key()
    path.unlink(missing_ok=True)
    _write(row, {"attempts": row.attempts + 1}, "", now)
    try:
        with sealed.Sealer(path, key) as sink:
            made = making.make(making.Wanted(copy=row.id, account=row.account_id, language=row.language, asked_at=row.asked_at, only=row.organization_id, by=row.requested_by, case=row.for_case),
                sink, now=now)
        digest = hashlib.sha256()
        for block in sealed.opened(path, key):
            digest.update(block)
    except making.Gone:
        _fail(row, path, "gone", now)
    except making.Leak:
        logger.error("a copy would have told something about somebody else and was held back")
        _fail(row, path, "held_back", now)
    except Exception:
        logger.exception("a copy could not be made")
        path.unlink(missing_ok=True)
        if row.attempts >= ATTEMPTS:
            _fail(row, path, "internal_error", now)
    else:
        path.rename(folder() / f"{row.id}.sealed")
        values = {"state": CopyState.READY, "snapshot_at": now, "ready_at": now, "expires_at": None if row.for_case else now + KEPT,
                  "size": sink.size, "sha256": digest.hexdigest(), "manifest": made.manifest,
                  "counts": made.counts, "key": outbox.seal_text(base64.b64encode(key).decode())}
        _write(row, values, "package.built", now, manifest=made.manifest, files=len(made.counts), records=sum(made.counts.values()), people=made.people)


def _fail(row: Copy, path: Path, code: str, now: datetime) -> None:
    path.unlink(missing_ok=True)
    _write(row, {"state": CopyState.FAILED, "failure": code}, "package.failed", now, problem=code)


def log_of(row: Copy) -> UUID:
    """In whose log a copy stands: of the organization that asked for it, else of the one that manages the account, else the installation's."""
    return row.organization_id or Management.objects.filter(account_id=row.account_id).values_list("organization_id", flat=True).first() or INSTALLATION


def _write(row: Copy, values: dict[str, Any], event: str, now: datetime, *, actor: ActorRef = _SCHEDULE, via: str = "schedule", **facts: Any) -> None:
    """Change the row and say so in the log; without an event only what the work itself remembers."""
    with installation("a copy and the log it stands in"), transaction.atomic():
        if not event:
            Copy.objects.filter(id=row.id).update(**values)
        else:
            log = log_of(row)
            with recording.opened(org=log, now=now, subjects=[row.account_id]) as act:
                Copy.objects.filter(id=row.id).update(**values, version=row.version + 1)
                act.write([EntryDraft(org=log, action=event, category="package", outcome="failure" if event == "package.failed" else "success", actor=actor, via=via,
                                      targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id), TargetRef(type="copy", id=row.id)], facts={"copy": str(row.id),
                                          **({FACT: plain(row.tell_at)} if row.tell_at else {}), **facts})])
            row.version += 1
    for name, value in values.items():
        setattr(row, name, value)


@dataclass(frozen=True)
class Holder:
    """Who may fetch a copy: the person theirs, and those that were released to them; or the organization that asked for one."""

    account: UUID | None = None
    organization: UUID | None = None

    def rows(self) -> QuerySet[Copy]:
        if self.organization:
            return Copy.objects.filter(organization_id=self.organization, for_case=None)
        released = Case.objects.filter(account_id=self.account, state__in=(State.READY, State.DELIVERED)).values("id")
        return Copy.objects.filter(Q(organization=None) | Q(for_case__in=released), account_id=self.account)


def fetch(*, holder: Holder, copy_id: UUID, now: datetime, actor: ActorRef, via: str) -> tuple[Copy, Iterator[bytes]]:
    """The bytes of a copy, for its holder alone. Whether its time is over is decided here and now, and the download is recorded before the first byte. Raises NotThere;
    Refused for a while after the way in to the account changed."""
    with installation("a copy and its holder"), transaction.atomic():
        row = holder.rows().select_for_update().filter(id=copy_id, state=CopyState.READY).first()
        path = folder() / f"{copy_id}.sealed"
        if row is None or row.expires_at is None or row.expires_at <= now or row.downloads >= DOWNLOADS or not path.exists():
            raise NotThere
        if codes := lately.codes(Account.objects.get(id=row.account_id), now):
            raise Refused({"": codes})
        _write(row, {"downloads": row.downloads + 1}, "package.downloaded", now, actor=actor, via=via, number=row.downloads + 1,
               **({"what": "organization"} if holder.organization else {}))
        key = base64.b64decode(outbox.open_text(row.key))
    return row, sealed.opened(path, key)


def end(*, holder: Holder, copy_id: UUID, now: datetime, actor: ActorRef, via: str) -> None:
    """The holder removes a copy before its time. Raises NotThere."""
    with installation("a copy and its holder"), transaction.atomic():
        row = holder.rows().select_for_update().filter(id=copy_id, state=CopyState.READY).first()
        if row is None:
            raise NotThere
        _destroy(row, now, actor=actor, via=via)


def forget(ids: Iterable[UUID]) -> None:
    """The files of these copies go when the open transaction has ended well."""
    names = [f"{copy_id}.{ending}" for copy_id in ids for ending in ("sealed", "part")]
    transaction.on_commit(lambda: [(folder() / name).unlink(missing_ok=True) for name in names])  # type: ignore[func-returns-value]


def remind(*, now: datetime) -> None:
    """Tell whoever has not fetched their copy that it goes in a day. Late or never is no harm: it can be made anew."""
    with installation("copies of people in every organization"):
        for copy_id in Copy.objects.filter(state=CopyState.READY, reminded=False, downloads=0, expires_at__gt=now, expires_at__lte=now + REMINDED).values_list("id", flat=True):
            with transaction.atomic():
                row = Copy.objects.select_for_update().filter(id=copy_id, state=CopyState.READY, reminded=False, downloads=0).first()
                if row is not None:
                    _write(row, {"reminded": True}, "package.expiring", now, until=plain(row.expires_at))


def tell(*, now: datetime) -> None:
    """The person is told of a copy of which two people agreed that they are told later; at once, where their account is being deleted."""
    with installation("copies of people in every organization"):
        leaves = Q(account__status__in=("pending_deletion", "purged"))
        for copy_id in Copy.objects.filter(Q(tell_at__lte=now) | leaves, untold=True).values_list("id", flat=True):
            with transaction.atomic():
                row = Copy.objects.select_for_update().filter(id=copy_id, untold=True).first()
                if row is not None:
                    _write(row, {"untold": False}, "data.export.told", now)


def expire(*, now: datetime) -> None:
    """Destroy copies whose time is over, and files that belong to none."""
    with installation("copies of people in every organization"):
        over = list(Copy.objects.filter(state=CopyState.READY, expires_at__lte=now))
        for row in over:
            with transaction.atomic():
                locked = Copy.objects.select_for_update().filter(id=row.id, state=CopyState.READY).first()
                if locked is not None:
                    _destroy(locked, now)
        kept = {f"{copy_id}.{ending}" for state, ending in ((CopyState.READY, "sealed"), (CopyState.ASKED, "part")) for copy_id in Copy.objects.filter(state=state).values_list("id", flat=True)}
    for path in folder().iterdir():
        if path.name not in kept and _old(path):
            path.unlink(missing_ok=True)


def _old(path: Path) -> bool:
    """Whether nobody can be at it any more: a file gets its last name a moment before its row says so."""
    try:
        return path.stat().st_mtime < time.time() - _YOUNG
    except FileNotFoundError:
        return False


def _destroy(row: Copy, now: datetime, *, actor: ActorRef = _SCHEDULE, via: str = "schedule") -> None:
    """The key goes first: without it the file is noise, wherever a backup of it may lie."""
    _write(row, {"state": CopyState.ENDED, "key": "", "counts": {}}, "package.destroyed", now, actor=actor, via=via, downloads=row.downloads, until=plain(row.expires_at))
    transaction.on_commit(lambda: (folder() / f"{row.id}.sealed").unlink(missing_ok=True))
