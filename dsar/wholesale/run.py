"""The life of an export of an organization: told and waiting, made by the worker, kept sealed for a week, fetched by its owner, destroyed; stopped whenever what it rests on is gone."""
from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts import access, outbox, purposes
from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.models import Mail
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation, scope
from accounts.work import plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.export import sealed
from dsar.wholesale import making
from dsar.wholesale.model import ExportState, OrganizationExport

logger = logging.getLogger("steward.wholesale")
PERMISSION = "export_organization"
TEMPLATE = "organization-export"
WAITS, KEPT, LATE = timedelta(hours=48), timedelta(days=7), timedelta(hours=1)
DOWNLOADS, ATTEMPTS, KILLED = 3, 3, 9
"""After so many attempts that could not end, whatever kills the process is not tried any more."""
OPEN = (ExportState.WAITING, ExportState.MAKING, ExportState.READY)
OVER, STOPPED, LOST = "over", "stopped", "requester_lost"
_YOUNG = 3600
_SCHEDULE = ActorRef(type="schedule")


class NotThere(Exception):
    """There is no such export to fetch: not ready, over, fetched too often, or somebody else's."""


def folder() -> Path:
    """Where the sealed files lie; their names are numbers of exports."""
    path = Path(settings.DATA) / "organization-exports"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def entitled(row: OrganizationExport) -> bool:
    """Whether whoever asked still holds the role with which they asked. Needs the scope."""
    actor = access.actor_for(account_id=row.requested_by, organization_id=row.organization_id)
    return actor.may(PERMISSION) and actor.rank >= OWNER_RANK


def heard(row: OrganizationExport, now: datetime) -> bool:
    """Whether the letters to the owners left the house two days ago, or cannot be delivered: what nobody could send yet has warned nobody (decision 50)."""
    letters = list(Mail.objects.filter(template=TEMPLATE, about=row.id))
    return bool(letters) and all(one.state == "failed" or (one.sent_at is not None and one.sent_at <= now - WAITS + LATE) for one in letters)


def run(*, now: datetime) -> None:
    """What time does: stop what lost its ground, begin what waited long enough, end what is over, and destroy files that belong to none. One failure does not stop the others."""
    with installation("exports of organizations begin and end"):
        rows = list(OrganizationExport.objects.filter(state__in=OPEN).order_by("asked_at"))
    for row in rows:
        try:
            with scope(org=row.organization_id, purpose=purposes.ACT):
                _look(row, now)
        except Exception as error:
            logger.exception("an export of an organization is looked at again later: %s", type(error).__name__)
    with installation("files of exports of organizations"):
        kept = {f"{row_id}.{ending}" for state, ending in ((ExportState.READY, "sealed"), (ExportState.MAKING,
            "part")) for row_id in OrganizationExport.objects.filter(state=state).values_list("id", flat=True)}
        ended = {f"{row_id}.{ending}" for row_id in OrganizationExport.objects.exclude(state__in=OPEN).values_list("id", flat=True) for ending in ("sealed", "part")}
    for path in folder().iterdir():
        if path.name in ended or (path.name not in kept and _old(path)):
            path.unlink(missing_ok=True)


def _old(path: Path) -> bool:
    """Whether nobody can be at it any more: a file gets its last name a moment before its row says so."""
    try:
        return path.stat().st_mtime < time.time() - _YOUNG
    except FileNotFoundError:
        return False


def _look(row: OrganizationExport, now: datetime) -> None:
    if not entitled(row):
        _end(row, ExportState.STOPPED, LOST, now)
    elif row.state == ExportState.WAITING and row.begins_at <= now and heard(row, now):
        _write(row, {"state": ExportState.MAKING}, "data.organization_export.started", now)
    elif row.state == ExportState.READY and row.expires_at is not None and row.expires_at <= now:
        _end(row, ExportState.ENDED, OVER, now)


def _end(row: OrganizationExport, state: ExportState, how: str, now: datetime) -> None:
    """The key goes first: without it the file is noise, wherever a backup of it may lie."""
    event = "data.organization_export.expired" if state == ExportState.ENDED else "data.organization_export.stopped"
    _write(row, {"state": state, "ended_at": now, "ended_how": how, "key": ""}, event, now, how=how, downloads=row.downloads)


def waiting() -> bool:
    """Whether an export is to be made."""
    with installation("exports of organizations that are to be made"):
        return OrganizationExport.objects.filter(state=ExportState.MAKING).exists()


def resume(*, now: datetime) -> None:
    """Make what is to be made. Safe to run twice at once, and after a kill: what was begun is begun anew, as of a later moment."""
    with installation("exports of organizations that are to be made"):
        ids = list(OrganizationExport.objects.filter(state=ExportState.MAKING).order_by("begins_at").values_list("id", flat=True))
    for row_id in ids:
        _make(row_id, now)


def _make(row_id: UUID, now: datetime) -> None:
    """One export. Whoever makes it holds a lock of the database session, which ends with the process however that ends."""
    number = int.from_bytes(hashlib.sha256(b"whole" + row_id.bytes).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            return
    try:
        with installation("an export of an organization"):
            row = OrganizationExport.objects.select_related("organization").filter(id=row_id, state=ExportState.MAKING).first()
        if row is not None:
            _attempt(row, now)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def _attempt(row: OrganizationExport, now: datetime) -> None:
    """Begun anew each time, with a key of its own and as of one moment: of what a killed process left nothing is used, and its key is in no place."""
    path, key = folder() / f"{row.id}.part", sealed.new_key()
    path.unlink(missing_ok=True)
    if row.attempts >= KILLED:
        _write(row, {"state": ExportState.FAILED, "ended_at": now, "failure": "killed"}, "data.organization_export.failed", now)
        return
    with installation("an export of an organization"):
        OrganizationExport.objects.filter(id=row.id).update(attempts=row.attempts + 1)
    try:
        with sealed.Sealer(path, key) as sink:
            made = making.make(row, sink, now=now)
        digest = hashlib.sha256()
        for block in sealed.opened(path, key):
            digest.update(block)
    except Exception:
        logger.exception("an export of an organization could not be made")
        path.unlink(missing_ok=True)
        if row.attempts + 1 >= ATTEMPTS:
            _write(row, {"state": ExportState.FAILED, "ended_at": now, "failure": "internal_error"}, "data.organization_export.failed", now)
        return
    path.rename(folder() / f"{row.id}.sealed")
    values = {"state": ExportState.READY, "snapshot_at": now, "ready_at": now, "expires_at": now + KEPT, "size": sink.size, "sha256": digest.hexdigest(), "manifest": made.manifest,
        "counts": made.counts,
              "withheld": made.withheld, "key": outbox.seal_text(base64.b64encode(key).decode())}
    _write(row, values, "data.organization_export.built", now, people=made.people, manifest=made.manifest, files=len(made.counts), records=sum(made.counts.values()), private_of=len(made.people))


def _write(row: OrganizationExport, values: dict[str, Any], event: str, now: datetime, *, actor: ActorRef = _SCHEDULE, via: str = "schedule", people: list[UUID] | None = None, **facts: Any) -> bool:
    """Change the row if it is still what we looked at, and say so in the log; and in the ledger of everybody whose private data left."""
    with installation("an export of an organization and its log"), transaction.atomic():
        locked = OrganizationExport.objects.select_for_update().filter(id=row.id, state=row.state).first()
        if locked is None:
            return False
        with recording.opened(org=row.organization_id, now=now) as act:
            OrganizationExport.objects.filter(id=row.id).update(**values, version=locked.version + 1)
            act.write([EntryDraft(org=row.organization_id, action=event, category="data", outcome="failure" if event.endswith("failed") else "success", actor=actor, via=via,
                                  targets=[TargetRef(type="organization", id=row.organization_id)], facts={"export": str(row.id), "level": row.level, **facts})])
            for start in range(0, len(people or ()), 500):
                act.write([EntryDraft(org=row.organization_id, action="data.organization_export.included", category="data", outcome="success", actor=_SCHEDULE, via="schedule",
                                      targets=[TargetRef(type="person", id=one, subject=one)], facts={"export": str(row.id), "level": row.level}) for one in (people or [])[start:start + 500]])
    return True


def fetch(*, actor: Actor, export_id: UUID, now: datetime, via: str) -> tuple[OrganizationExport, Iterator[bytes]]:
    """The bytes, for whoever asked alone, as long as they hold the role. Whether its time is over is decided here, and the download is recorded before the first byte. Raises NotThere."""
    row = OrganizationExport.objects.filter(organization_id=actor.organization_id, id=export_id, requested_by=actor.account_id, state=ExportState.READY).first()
    path = folder() / f"{export_id}.sealed"
    if row is None or row.expires_at is None or row.expires_at <= now or row.downloads >= DOWNLOADS or not path.exists() or not entitled(row):
        raise NotThere
    with transaction.atomic():
        locked = OrganizationExport.objects.select_for_update().get(id=row.id)
        if locked.downloads >= DOWNLOADS or not _write(locked, {"downloads": locked.downloads + 1}, "data.organization_export.downloaded", now, actor=actor_ref(actor), via=via,
            number=locked.downloads + 1):
            raise NotThere
    return row, sealed.opened(path, base64.b64decode(outbox.open_text(row.key)))


def shown(row: OrganizationExport) -> dict[str, Any]:
    """The facts of an export that its entries and answers name."""
    return {"export": str(row.id), "level": row.level, "begins_at": plain(row.begins_at)}
