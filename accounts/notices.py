"""Notices: what administrators are told about plans, jobs and exports, and the page on which people read again what they were mailed."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import connection
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import translation

from accounts import access, alone, approvals, outbox
from accounts.act_file import PLANNED
from accounts.models import Account, Mail, Membership, Organization
from accounts.models import Plan as StoredPlan
from accounts.models.plan import PlanState
from accounts.power import Power
from audit.models import Export
from audit.queries import Filters, page
from audit.subscribers import Sealed, Subscriber

SIZE = 25
CAP = 99
"""More unread notices than this are not counted."""
TOO_OLD = timedelta(days=7)
"""What happened longer ago is no news; whoever wants to know finds it in the log."""
ASKED = frozenset({"plan.requested", "plan.reminded", "plan.second_person_found"})
DECIDED = {"plan.approved": "approved", "plan.operator_agreed": "operator", "plan.delay_over": "time", "plan.denied": "denied", "plan.voided": "voided", "plan.expired": "expired"}
ENDED = {"plan.finished": "finished", "plan.stopped": "stopped", "plan.failed": "failed"}
EXPORTS = {"audit.export_sealed": "sealed", "audit.export_failed": "failed", "audit.export_stopped": "stopped"}
_SIGNER = signing.Signer(salt="steward.notices.cursor")


# What is owed


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about these steps of plans and exports. That an export failed is recorded as a failure, and is news all the same."""
    now = datetime.now(UTC)
    for sealed in batch:
        if datetime.fromisoformat(sealed.record["occurred_at"]) <= now - TOO_OLD:
            continue
        if sealed.action in EXPORTS:
            _owe_export(sealed, now)
        elif sealed.outcome == "success":
            _owe(sealed, now)


def _owe(sealed: Sealed, now: datetime) -> None:
    named = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "plan"), None)
    row = StoredPlan.objects.select_related("organization").filter(organization_id=sealed.org, id=named).first()
    if row is None:
        return
    if sealed.action in ASKED:
        _owe_asked(row, sealed, now)
        return
    if sealed.action == "plan.operator_agreed":  # owners see what the operator decides for them
        for owner in alone.owners(row.organization_id):
            _mail("plan-decided", owner, row, sealed, now, how="operator", decider="", note=row.decision_note)
    asked = _told(Membership.objects.filter(organization_id=row.organization_id, id=row.requested_by))
    if asked is None:
        return
    if sealed.action in ENDED:
        facts = sealed.record.get("facts", {})
        counts = {kind: facts.get(kind, row.summary.get(kind, 0)) for kind in ("done", "failed")} | {"skipped": row.summary.get("skipped", 0)}
        _mail("job-finished", asked, row, sealed, now, how=ENDED[sealed.action], **counts)
    elif row.decided_by != row.requested_by:
        _mail("plan-decided", asked, row, sealed, now, how=_outcome(sealed, row), decider=_name(row.decided_by), note=row.decision_note)


def _owe_asked(row: StoredPlan, sealed: Sealed, now: datetime) -> None:
    """Whoever could decide; or where that is nobody, every owner, who may stop it. Nobody, once it is decided or its time is over."""
    if row.state != PlanState.AWAITING_APPROVAL or row.expires_at <= now:
        return
    due = alone.due_at(row)
    for account in approvals.could_approve(row) if due is None else alone.owners(row.organization_id):
        if due is None:
            _mail("plan-waiting", account, row, sealed, now, reminder=sealed.action == "plan.reminded")
        else:
            _mail("plan-delayed", account, row, sealed, now, due=f"{due.astimezone(UTC):%Y-%m-%d %H:%M}")


def _owe_export(sealed: Sealed, now: datetime) -> None:
    """Whoever asked is told what became of their export of the log, unless they stopped it themselves. Who may not open it any more gets no address."""
    named = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "audit_export"), None)
    row = Export.objects.filter(org=sealed.org, id=named).first()
    organization = Organization.objects.filter(id=sealed.org).first()
    if row is None or organization is None or sealed.record["actor"].get("id") == str(row.requester):
        return
    asked = _told(Membership.objects.filter(organization_id=sealed.org, account_id=row.requester))
    if asked is None:
        return
    may = access.actor_for(account_id=row.requester, organization_id=sealed.org).may("export_audit")
    context = {"organization": organization.name, "how": EXPORTS[sealed.action], "count": sealed.record.get("facts", {}).get("entries", 0), "until": f"{row.expires_at.astimezone(UTC):%Y-%m-%d %H:%M}",
               "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}",
               "page": settings.STEWARD_URL + reverse("audit-export", args=[organization.slug, row.id]) if may else ""}
    outbox.owe(template="export-finished", account=asked, context=context, entry=sealed.entry, organization_id=organization.id, now=now)


def _told(rows: QuerySet[Membership]) -> Account | None:
    """The person, if they are an active member with an active account; nobody else is told anything."""
    found = rows.filter(status="active", account__status="active").select_related("account").first()
    return found.account if found else None


def _outcome(sealed: Sealed, row: StoredPlan) -> str:
    """What became of it; a plan that ran out of time before anybody was asked was never confirmed."""
    if sealed.action == "plan.expired" and not page(org=sealed.org, filters=Filters(target=row.id, target_type="plan", action="plan.requested"), size=1).entries:
        return "unconfirmed"
    return DECIDED[sealed.action]


def _name(membership: UUID | None) -> str:
    found = Membership.objects.filter(id=membership).select_related("account").first() if membership else None
    return (found.account.name or found.account.email) if found else ""


def _mail(template: str, account: Account, row: StoredPlan, sealed: Sealed, now: datetime, **more: Any) -> None:
    page_name = "job" if row.many and template not in {"plan-waiting", "plan-delayed"} else "plan"
    with translation.override(account.language):
        context = {
            "organization": row.organization.name, "asker": _name(row.requested_by), "power": _title(PLANNED.get(row.power), row), "total": row.summary.get("doable", row.total or len(row.targets)),
            "expires": f"{row.expires_at.astimezone(UTC):%Y-%m-%d %H:%M}", "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}",
            "page": settings.STEWARD_URL + reverse(page_name, args=[row.organization.slug, row.id]), **more}
    outbox.owe(template=template, account=account, context=context, entry=sealed.entry, organization_id=row.organization_id, now=now)


def _title(power: Power | None, row: StoredPlan) -> str:
    return str(power.title) if power else row.power


SUBSCRIBER = Subscriber(name="administrators", handle=handle, actions=frozenset({*ASKED, *DECIDED, *ENDED, *EXPORTS}))


# What is read


@dataclass(frozen=True)
class Notices:
    """One page of a person's notices, newest first, with the cursors of the pages around it."""

    rows: list[Mail]
    organizations: dict[UUID, str]
    next: str = ""
    previous: str = ""


def of(account_id: UUID) -> QuerySet[Mail]:
    """The mails that follow from recorded acts. Written ones only: words that are still to be found are not shown."""
    return Mail.objects.filter(account_id=account_id, entry__isnull=False).exclude(subject="")


@dataclass(frozen=True)
class Bell:
    """What every page shows of a person's notices: how many are unread ('' for none, at most 99+), and whether an important one waits to be confirmed."""

    unread: str = ""
    important: UUID | None = None
    subject: str = ""


_BELL = """SELECT (SELECT count(*) FROM (SELECT 1 FROM accounts_mail WHERE account_id = %(of)s AND read_at IS NULL AND entry IS NOT NULL AND subject <> '' LIMIT %(most)s) few),
  waiting.id, waiting.subject
  FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT id, subject FROM accounts_mail WHERE account_id = %(of)s AND acknowledged_at IS NULL AND NOT asks = '' AND asks = 'important' AND subject <> ''
                                         ORDER BY created_at DESC LIMIT 1) waiting ON true"""


def bell(account_id: UUID) -> Bell:
    """In one query, because every page asks it."""
    with connection.cursor() as cursor:
        cursor.execute(_BELL, {"of": account_id, "most": CAP + 1})
        found, important, subject = cursor.fetchone()
    return Bell(unread="" if not found else f"{CAP}+" if found > CAP else str(found), important=important, subject=subject or "")


def unread(account_id: UUID) -> str:
    """How many the person has not read."""
    return bell(account_id).unread


def listed(account_id: UUID, *, cursor: str = "") -> Notices:
    """One page. A cursor that does not fit, or is somebody else's, is the first page. Needs a reach that sees the organizations' names."""
    rows, place = of(account_id).order_by("-created_at", "-id"), _read(account_id, cursor)
    backwards = place is not None and place[0] == ">"
    if place is not None:
        side, at, last = ("gt" if backwards else "lt"), place[1], place[2]
        rows = rows.filter(Q(**{f"created_at__{side}": at}) | Q(**{"created_at": at, f"id__{side}": last}))
        rows = rows.order_by("created_at", "id") if backwards else rows
    found = list(rows.defer("context")[:SIZE + 1])
    more, found = len(found) > SIZE, found[:SIZE]
    if backwards:
        found.reverse()
    names = dict(Organization.objects.filter(id__in={m.organization_id for m in found if m.organization_id}).values_list("id", "name"))
    return Notices(rows=found, organizations=names, next=_write(account_id, "<", found[-1]) if found and (more or backwards) else "",
                   previous=_write(account_id, ">", found[0]) if found and ((place and not backwards) or (backwards and more)) else "")


def _write(account_id: UUID, side: str, mail: Mail) -> str:
    return _SIGNER.sign_object([str(account_id), side, mail.created_at.isoformat(), str(mail.id)])


def _read(account_id: UUID, cursor: str) -> tuple[str, datetime, UUID] | None:
    try:
        whose, side, at, last = _SIGNER.unsign_object(cursor) if cursor else ("", "", "", "")
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return (side, datetime.fromisoformat(at), UUID(last)) if whose == str(account_id) else None


def mark(*, account_id: UUID, mail_id: UUID, now: datetime, and_older: bool = False) -> bool:
    """The person has read this notice, or it and everything before it: what came after it stays unread. False if it is not theirs."""
    one = of(account_id).filter(id=mail_id).only("id", "created_at").first()
    if one is None:
        return False
    rows = of(account_id).filter(read_at=None)
    rows = rows.filter(Q(created_at__lt=one.created_at) | Q(created_at=one.created_at, id__lte=one.id)) if and_older else rows.filter(id=one.id)
    rows.update(read_at=now)
    return True
