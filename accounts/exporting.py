"""Exports of the audit log: who may ask, what it would contain, and the worker's part of carrying them out."""
from __future__ import annotations

import errno
import logging
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from accounts import access, entries, purposes
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Membership, Organization
from accounts.power import Data
from accounts.reasons import NotFound, Refused
from accounts.tenancy import installation, scope
from audit import epochs
from audit.export import files, filters, run
from audit.export.evidence import Mismatch
from audit.models import Export, ExportPolicy

logger = logging.getLogger("steward.exports")
PERMISSION = "export_audit"
UNFINISHED = ("asked", "running")
ERRORS = {"disk_full", "entry_mismatch", "not_signed", "internal_error"}
GIVE_UP = 5
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


# What is asked for


class Unknown(ValueError):
    """Somebody was named whom this organization does not know."""


def wanted(data: Data, organization_id: UUID) -> filters.Filter:
    """The filter that a form describes, with people as accounts. Raises Unknown for somebody who is not there."""
    found: filters.Filter = {}
    for name, field in (("actor", "administrator"), ("acted_as", "on_behalf_of")):
        if data.get(field):
            found[name] = _account(str(data[field]), organization_id)
    if data.get("about"):
        kind = str(data.get("about_kind") or "person")
        found["target"] = {"type": kind, "id": _account(str(data["about"]), organization_id) if kind == "person" else _uuid(str(data["about"]))}
    for name in ("actions", "categories", "outcomes"):
        if data.get(name):
            found[name] = sorted(set(data[name]))
    for name, field in (("token", "token"), ("ticket", "ticket"), ("matter", "of_matter")):
        if data.get(field):
            found[name] = str(data[field])
    return found


def _account(text: str, organization_id: UUID) -> str:
    """An e-mail address of a member, past ones too, or the id of an account."""
    if "@" not in text:
        return _uuid(text)
    found = Membership.objects.filter(organization_id=organization_id, account__email_key=address_key(text)).values_list("account_id", flat=True).first()
    if found is None:
        raise Unknown(text)
    return str(found)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise Unknown(text) from error


@dataclass(frozen=True)
class Preview:
    """What an export would contain if it were begun now."""

    count: int
    size: int
    first: int
    last: int
    completeness: str


def preview(*, data: Data, organization: Organization) -> Preview:
    """Exactly how many entries there are now, and what will be proved."""
    asked = wanted(data, organization.id)
    size = filters.size(org=organization.id)
    since, until = (date.fromisoformat(str(data[name])) if data.get(name) else None for name in ("since", "until"))
    first, last = filters.numbers(org=organization.id, since=since, until=until, zone=zone(data, organization), size=size)
    return Preview(filters.count(org=organization.id, wanted=asked, first=first, last=last), size, first, last, filters.completeness(asked))


def zone(data: Data, organization: Organization) -> str:
    return str(data.get("time_zone") or organization.time_zone or "UTC")


def policy(organization_id: UUID) -> ExportPolicy:
    """What the organization asks of exports."""
    return ExportPolicy.objects.filter(id=organization_id).first() or ExportPolicy(id=organization_id)


# Carrying out


def resume(*, seconds: float = 10.0, patience: float = 2.0) -> bool:
    """Work on the exports of every organization, in turns, for this long; while all of them wait for the signer, not longer than `patience`. True when something is left."""
    end, give_up = time.monotonic() + seconds, time.monotonic() + patience
    left = _unfinished()
    while left and time.monotonic() < end:
        went = {found: turn(*found) for found in left}
        left = [found for found in left if went[found] != "done"]
        if "on" in went.values():
            give_up = time.monotonic() + patience
        elif left and time.monotonic() > give_up:
            return True
        elif left:
            time.sleep(0.1)
    return bool(left)


def _unfinished() -> list[tuple[UUID, UUID]]:
    with installation("exports of every organization"):
        return list(Export.objects.filter(state__in=UNFINISHED).order_by("asked_at").values_list("id", "org"))


def unfinished() -> bool:
    with installation("exports of every organization"):
        return Export.objects.filter(state__in=UNFINISHED).exists()


def turn(export_id: UUID, organization_id: UUID) -> run.Went:
    """One step of one export. What goes wrong is written down where people see it."""
    now = timezone.now()
    try:
        with _reach(export_id, organization_id), transaction.atomic():
            if not run.locked(export_id):
                return "waits"
            return _step(export_id, organization_id, now)
    except (OperationalError, InterfaceError):
        raise  # PostgreSQL is away or ended us: the next worker takes it up
    except OSError as error:
        # Named by number only: the text of such an error can hold a path.
        logger.error("the files of export %s cannot be written (%s)", export_id, errno.errorcode.get(error.errno or 0, "unknown"))
        return _failed(export_id, organization_id, "disk_full" if error.errno in _FULL else "", now)
    except Mismatch as error:
        logger.error("export %s was given up: entry %d of the log is not what it was", export_id, error.seq)
        return _failed(export_id, organization_id, "entry_mismatch", now, seq=error.seq)
    except epochs.NotSigned:
        return _failed(export_id, organization_id, "not_signed", now)
    except Exception as error:
        logger.error("a step of export %s failed (%s)", export_id, type(error).__name__, exc_info=True)
        return _failed(export_id, organization_id, "", now)


def _reach(export_id: UUID, organization_id: UUID) -> AbstractContextManager[None]:
    """An export sees its own log alone; only its seal needs the root log beside it."""
    with scope(org=organization_id, purpose=purposes.CLAIMS):
        row = Export.objects.filter(id=export_id).values_list("waiting", flat=True).first()
    return installation("the seal of an export needs the root log") if row and row.get("ended") else scope(org=organization_id, purpose=purposes.CLAIMS)


def _step(export_id: UUID, organization_id: UUID, now: datetime) -> run.Went:
    row = Export.objects.filter(id=export_id, org=organization_id).first()
    if row is None or row.state not in UNFINISHED:
        return "done"
    actor = access.actor_for(account_id=row.requester, organization_id=organization_id)
    if not actor.may(PERMISSION) or (row.shown and not actor.may("view_audit")):
        run.stop(row, now=now, reason="requester_lost_role")
        return "done"
    went = run.step(row, label=actor.name or actor.email, software=_software(), now=now)
    if Export.objects.filter(id=export_id).select_for_update().values_list("state", flat=True).get() == "stopped":
        transaction.set_rollback(True)  # somebody stopped it meanwhile: what this step wrote is of no use
        return "done"
    return went


def _software() -> str:
    import tomllib

    from django.conf import settings

    return str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])


def _failed(export_id: UUID, organization_id: UUID, error: str, now: datetime, *, seq: int | None = None) -> run.Went:
    """A reason that will not pass ends it; others are tried again a few times."""
    with scope(org=organization_id, purpose=purposes.CLAIMS), transaction.atomic():
        row = Export.objects.select_for_update().get(id=export_id)
        if row.state not in UNFINISHED:
            return "done"
        if not error:
            row.attempts += 1
            Export.objects.filter(id=export_id).update(attempts=row.attempts)
            if row.attempts < GIVE_UP:
                return "waits"
        run.fail(row, error or "internal_error", now=now, seq=seq)
    return "done"


# What people do with them


def find(*, actor: Actor, export_id: UUID) -> Export:
    """One export of the actor's organization."""
    row = Export.objects.filter(org=actor.organization_id, id=export_id).first() if actor.may(PERMISSION) else None
    if row is None:
        raise NotFound
    return row


def listed(*, actor: Actor, limit: int = 50) -> list[Export]:
    """The newest exports of the actor's organization."""
    if not actor.may(PERMISSION):
        raise NotFound
    return list(Export.objects.filter(org=actor.organization_id).defer("chunks", "files", "custody").order_by("-asked_at")[:limit])


def stop(*, actor: Actor, export_id: UUID, now: datetime) -> Export:
    """Nothing more of it is written; what was written is removed."""
    with transaction.atomic():
        row = _mine(actor, export_id)
        if row.state not in UNFINISHED:
            raise Refused({str(export_id): ["wrong_status"]})
        run.stop(row, now=now, actor=entries.actor_ref(actor), via=actor.via)
    return row


def take_up(*, actor: Actor, export_id: UUID, now: datetime) -> Export:
    """Go on with one that failed."""
    with transaction.atomic():
        row = _mine(actor, export_id)
        if row.state != "failed" or row.expires_at <= now:
            raise Refused({str(export_id): ["wrong_status"]})
        if row.requester != actor.account_id:
            raise Refused({str(export_id): ["no_permission"]})
        run.take_up(row, now=now, actor=entries.actor_ref(actor), via=actor.via)
    return row


def _mine(actor: Actor, export_id: UUID) -> Export:
    find(actor=actor, export_id=export_id)
    return Export.objects.select_for_update().get(org=actor.organization_id, id=export_id)


def record_download(*, actor: Actor, row: Export, name: str, part: str = "", now: datetime) -> None:
    """Every file that somebody takes away is an entry."""
    with transaction.atomic():
        run.downloaded(row, name=name, part=part[:60], now=now, actor=entries.actor_ref(actor), via=actor.via)


def expire(*, now: datetime) -> int:
    """Remove what is over, and folders that belong to nothing. Returns how many exports expired."""
    with installation("exports of every organization expire"):
        over = list(Export.objects.filter(expires_at__lte=now).exclude(state="expired").values_list("id", "org"))
        kept = set(Export.objects.exclude(state__in=("stopped", "expired")).values_list("id", flat=True))
    for export_id, organization_id in over:
        with scope(org=organization_id, purpose=purposes.CLAIMS), transaction.atomic():
            row = Export.objects.select_for_update().get(id=export_id)
            if row.state != "expired":
                run.expire(row, now=now)
    for folder in files.present():
        if folder not in kept:
            files.remove(folder)
    return len(over)


def expires(organization_id: UUID, now: datetime) -> datetime:
    return now + timedelta(days=policy(organization_id).days)
