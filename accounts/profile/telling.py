"""People hear of profile fields that others changed, in one mail a day; administrators of values that people dispute; and what time does to suggestions (POWERS P8)."""
from __future__ import annotations

import logging
import zoneinfo
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation

from accounts import audience, holding, outbox, purposes
from accounts.models import Account, Membership, Organization, ProfileChange, ProfileSuggestion, ValueDispute
from accounts.organizations import contact
from accounts.people import load_people
from accounts.profile import asking, rules
from accounts.tenancy import installation, scope
from accounts.work import Work
from audit import recording
from audit.queries import ERASED, Seen, disclose
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber

logger = logging.getLogger("steward.profile")
CHANGED, DISPUTED = "profile.updated", "profile.value_disputed"
MORNING = time(7)
"""When the mail about the day before goes, where the person is."""
KEPT = timedelta(days=90)
"""So long the person's page says what somebody else changed."""
MOST, BATCH = 50, 500
"""Lines of one mail, and suggestions that end in one act."""


def zone_of(account: Account, organization: Organization) -> zoneinfo.ZoneInfo:
    """Where the person is: their own time zone, else the organization's."""
    for name in (account.time_zone, organization.time_zone):
        try:
            if name:
                return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return zoneinfo.ZoneInfo("UTC")


def morning_after(at: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The morning after the day in which this was."""
    return datetime.combine(at.astimezone(zone).date() + timedelta(days=1), MORNING, tzinfo=zone).astimezone(UTC)


# What follows from the log


def handle(batch: list[Sealed]) -> None:
    """Remember what others changed until its mail goes; tell administrators what is disputed. Refused attempts are neither."""
    done = [sealed for sealed in batch if sealed.outcome == "success"]
    _remember([sealed for sealed in done if sealed.action == CHANGED])
    for sealed in done:
        if sealed.action == DISPUTED:
            _administrators(sealed)


def _person(sealed: Sealed) -> UUID | None:
    return next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)


def _remember(batch: list[Sealed]) -> None:
    about = [(sealed, person) for sealed in batch if (person := _person(sealed)) is not None and sealed.record["actor"].get("id") != str(person)]
    accounts = Account.objects.in_bulk({person for _sealed, person in about})
    organizations = Organization.objects.in_bulk({sealed.org for sealed, _person in about})
    by_org: dict[UUID, list[Seen]] = defaultdict(list)
    for sealed, _who in about:
        by_org[sealed.org].append(Seen(seq=sealed.seq, id=sealed.entry, recorded_at=None, occurred_at=datetime.fromisoformat(sealed.record["occurred_at"]), record=sealed.record))
    for org, seen in by_org.items():
        disclose(org=org, entries=seen)
    opened = {one.id: one for seen in by_org.values() for one in seen}
    rows = []
    for sealed, person in about:
        account, organization, one = accounts.get(person), organizations.get(sealed.org), opened[sealed.entry]
        if account is None or organization is None or account.kind == "service":
            continue
        due = morning_after(one.occurred_at, zone_of(account, organization))
        rows += [ProfileChange(organization=organization, account=account, entry=sealed.entry, field=field, before=before, after=after, changed_at=one.occurred_at, due_at=due)
                 for field, before, after in _changes(one)]
    ProfileChange.objects.bulk_create(rows, ignore_conflicts=True)


def _changes(seen: Seen) -> list[tuple[str, str, str]]:
    """(field, before, after) of each profile field that the entry says was changed. What was erased since is nobody's news."""
    found = []
    for number, change in enumerate(seen.record.get("change", [])):
        model, _dot, field = change["path"].partition(".")
        if model in {"account", "membership"} and field in rules.LABELS:
            before, after = (seen.open.get(f"change.{number}.{side}", change.get(side)) for side in ("before", "after"))
            if ERASED not in (before, after):
                found.append((field, str(before or ""), str(after or "")))
    return found


def _administrators(sealed: Sealed) -> None:
    organization, person = Organization.objects.filter(id=sealed.org).first(), _person(sealed)
    member = Membership.objects.filter(organization=organization, account_id=person).select_related("account").first()
    if organization is None or member is None:
        return
    facts = sealed.record.get("facts", {})
    who = purposes.handle(member.id) if member.use_restricted or facts.get("restrict") else member.account.name or member.account.email
    for told in audience.holders(organization, "update_profiles"):
        if told.id == person:
            continue
        with translation.override(told.language):
            field = str(rules.LABELS.get(facts.get("field", ""), ""))
        outbox.owe(template="value-disputed", account=told, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
            "organization": organization.name, "who": who, "field": field, "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}",
            "page": settings.STEWARD_URL + reverse("person", args=[organization.slug, member.id])})


SUBSCRIBER = Subscriber(name="profiles", handle=handle, actions=frozenset({CHANGED, DISPUTED}))


# What time does


def run(*, now: datetime) -> None:
    """The mails of the day before, suggestions that end, and changes that are old news. One failure does not stop the rest."""
    with installation("what others changed on profiles, in every organization"):
        for organization_id, account_id in ProfileChange.objects.filter(told_at=None, due_at__lte=now).values_list("organization_id", "account_id").order_by().distinct():
            try:
                with transaction.atomic():
                    _tell(organization_id, account_id, now)
            except Exception as error:
                logger.error("the mail about changes of a profile is tried again later (%s)", type(error).__name__)
        holding.free(ProfileChange.objects.filter(told_at__lt=now - KEPT)).delete()
        waiting = sorted(set(ProfileSuggestion.objects.filter(expires_at__lte=now).values_list("organization_id", flat=True)))
        due = list(ValueDispute.objects.filter(back_at__lte=now).order_by("back_at").values_list("id", "organization_id", "account_id"))
    for organization_id in waiting:
        with scope(org=organization_id, purpose=purposes.ACT):
            while _expire(organization_id, now) == BATCH:
                pass
    for row_id, organization_id, account_id in due:
        try:
            with scope(org=organization_id, purpose=purposes.ACT):
                _back(row_id, organization_id, account_id, now)
        except Exception as error:
            logger.error("a value of a profile goes back later (%s)", type(error).__name__)


def _back(row_id: UUID, organization_id: UUID, account_id: UUID, now: datetime) -> None:
    """A value that was kept stands on the profile again: the person was told, and the days in which they could disagree are over."""
    with transaction.atomic():
        member = Membership.objects.select_for_update().filter(organization_id=organization_id, account_id=account_id).values_list("id", flat=True).first()
        found = load_people(organization_id=organization_id, ids=[member], lock=True) if member else []
        row = ValueDispute.objects.select_for_update().filter(id=row_id, back_at__lte=now).first()
        if row is None or not found:
            return
        person, work = found[0], Work(now=now)
        for one in (person.membership, person.account, row):
            work.track(one)
        asking.put_back(person, row)
        changes = [*work.changes_of(person.membership, subject=account_id), *work.changes_of(person.account, subject=account_id)]  # type: ignore[arg-type]
        with recording.opened(org=organization_id, now=now) as act:
            work.flush()
            act.write([EntryDraft(org=organization_id, action="profile.value_back", category="profile", outcome="success", actor=ActorRef(type="schedule"), via="schedule", changes=changes,
                                  targets=[TargetRef(type="person", id=account_id, subject=account_id)], facts={"field": row.field, "dispute": str(row.id)})])


def _tell(organization_id: UUID, account_id: UUID, now: datetime) -> None:
    """One mail, and what it says is told: both or neither. Whoever got one today gets the rest tomorrow."""
    account, organization = Account.objects.select_for_update().get(id=account_id), Organization.objects.get(id=organization_id)
    theirs = ProfileChange.objects.filter(organization=organization, account=account)
    rows = list(theirs.filter(told_at=None, due_at__lte=now).order_by("changed_at", "field"))
    if not rows:
        return  # somebody was faster
    zone = zone_of(account, organization)
    last = theirs.filter(told_at__isnull=False).order_by("-told_at").values_list("told_at", flat=True).first()
    if last is not None and last.astimezone(zone).date() == now.astimezone(zone).date():
        theirs.filter(id__in=[row.id for row in rows]).update(due_at=morning_after(now, zone))
        return
    with translation.override(account.language):
        said = [{"when": f"{row.changed_at.astimezone(zone):%Y-%m-%d %H:%M}", "field": str(rules.LABELS[row.field]),
                 "before": _line(row.field, row.before), "after": _line(row.field, row.after)}
                for row in rows]
    outbox.owe(template="profile-digest", account=account, entry=rows[-1].entry, organization_id=organization.id, now=now, context={
        "organization": organization.name, "zone": zone.key, "changes": said[:MOST], "more": max(0, len(said) - MOST), "contact": contact.line(organization)})
    theirs.filter(id__in=[row.id for row in rows]).update(told_at=now)


def _line(field: str, value: str) -> str:
    """A value on one line, so that what came by a file writes no lines of our mail."""
    return asking.shown(field, " ".join(value.split()))


def _expire(organization_id: UUID, now: datetime) -> int:
    with transaction.atomic():
        rows = list(holding.free(ProfileSuggestion.objects.select_for_update(skip_locked=True).filter(organization_id=organization_id, expires_at__lte=now)).order_by("expires_at")[:BATCH])
        if rows:
            with recording.opened(org=organization_id, now=now) as act:
                ProfileSuggestion.objects.filter(id__in=[row.id for row in rows]).delete()
                act.write([EntryDraft(org=organization_id, action="profile.suggestion_expired", category="profile", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                      targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id)], facts={"field": row.field, "suggestion": str(row.id)}) for row in rows])
    return len(rows)
