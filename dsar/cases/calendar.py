"""When requests are due, as a calendar (iCalendar, RFC 5545): for those who handle them a link of their own, for the person a file. References and rights, and nobody's name."""
from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import access, deletions, purposes
from accounts.models import Account
from accounts.tenancy import installation, scope
from dsar.cases import words
from dsar.cases.models import CalendarLink, Case
from dsar.cases.table import DISPUTE_DAYS, OPEN, OVER
from dsar.contentlines import text, written
from dsar.models import Copy, CopyState

PERMISSION = "manage_requests"
PREFIX = "stw_cal_"
MOST = 500


@dataclass(frozen=True)
class Day:
    """One date of one request."""

    case: UUID
    kind: str
    on: date
    words: str


def mint() -> tuple[str, bytes]:
    """A new secret, and what is stored of it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def feed(*, secret: str, now: datetime) -> str | None:
    """The calendar behind a link: of whoever made it, as far as they may handle requests now. None for a link that is unknown or over, or opens nothing any more."""
    with installation("a calendar link names its organization"):
        row = CalendarLink.objects.filter(secret_hash=digest(secret)).select_related("account").first() if secret.startswith(PREFIX) and len(secret) < 100 else None
        found = access.standing(account_id=row.account_id, organization_id=row.organization_id, now=now) if row else None
    if row is None or found is None or found.refusal or (found.auth_epoch, found.access_epoch) != (row.auth_epoch, row.access_epoch):
        return None
    actor = access.actor_in(found, proof=access.Proof(), via="calendar")
    if not actor.may(PERMISSION) or actor.scope_groups is not None:
        return None
    with scope(org=row.organization_id, purpose=purposes.RIGHTS), translation.override(row.account.language):
        rows = Case.objects.filter(organization_id=row.organization_id, state__in=OPEN, statutory_due__isnull=False).exclude(barred__contains=[row.account_id]).exclude(account_id=row.account_id)
        return calendar([_due(one) for one in rows.prefetch_related("actions").order_by("statutory_due", "id")[:MOST]], now=now)


def _due(case: Case) -> Day:
    assert case.statutory_due is not None
    return Day(case.id, "due", case.statutory_due, _("%(reference)s due: %(rights)s") % {"reference": case.reference, "rights": words.asked(case.actions.all())})


def rights(case: Case) -> str:
    return " · ".join(str(one.get_right_display()) for one in sorted(case.actions.all(), key=lambda a: a.right))


def of_person(case: Case, *, now: datetime) -> str:
    """The dates of one request, for the person whose it is."""
    zone = ZoneInfo(case.time_zone)
    named = {"reference": case.reference, "rights": rights(case)}
    found = []
    if case.statutory_due:
        found.append(Day(case.id, "due", case.statutory_due, _("Answer to %(reference)s due: %(rights)s") % named))
    if case.state == "scheduled" and case.not_before and not deletions.on_hold([case.account_id]):
        found.append(Day(case.id, "date", case.not_before.astimezone(zone).date(), _("%(reference)s is carried out: %(rights)s") % named))
    made = Copy.objects.filter(for_case=case.id, account_id=case.account_id, state=CopyState.READY).first() if case.state in {"ready", "delivered"} else None
    if made is not None and made.expires_at is not None:
        found.append(Day(case.id, "copy", made.expires_at.astimezone(zone).date(), _("Last day to fetch the copy of %(reference)s") % named))
    if case.state in OVER and case.closed_at and case.closed_at + timedelta(days=DISPUTE_DAYS) > now and case.state not in {"withdrawn", "merged", "certified", "resolved_upheld"}:
        found.append(Day(case.id, "dispute", (case.closed_at + timedelta(days=DISPUTE_DAYS)).astimezone(zone).date(), _("Last day to disagree with the answer to %(reference)s") % named))
    return calendar(found, now=now)


def calendar(days: Iterable[Day], *, now: datetime) -> str:
    """Each as an event of a whole day that blocks nobody's time. The same date keeps its identity from one reading to the next, so that calendars move it and do not double it."""
    host, stamp = urlsplit(settings.STEWARD_URL).hostname or "steward", f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Steward//Requests//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH", f"X-WR-CALNAME:{text(_('Requests'))}",
             "REFRESH-INTERVAL;VALUE=DURATION:PT6H", "X-PUBLISHED-TTL:PT6H"]
    for day in days:
        lines += ["BEGIN:VEVENT", f"UID:{day.case}-{day.kind}@{host}", f"DTSTAMP:{stamp}", f"DTSTART;VALUE=DATE:{day.on:%Y%m%d}", f"DTEND;VALUE=DATE:{day.on + timedelta(days=1):%Y%m%d}",
                  f"SUMMARY:{text(day.words)}", "TRANSP:TRANSPARENT", "CLASS:PRIVATE", "END:VEVENT"]
    return written([*lines, "END:VCALENDAR"])


def link_of(account: Account, organization_id: UUID) -> CalendarLink | None:
    """The link that somebody has there. Needs the scope."""
    return CalendarLink.objects.filter(organization_id=organization_id, account=account).first()
