"""Somebody reports that an account is a child's: what follows at once, what time does, and what it does not do where anybody objects (RIGHTS 3c, decision 52)."""
from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

import orjson
from django.db import transaction

from accounts import deletions, gathering, outbox
from accounts.addresses import address_key
from accounts.models import Account, Deletion, Management, Membership, Organization
from accounts.people import Person, load_people
from accounts.powers import schedule_deletion
from accounts.purposes import ACT
from accounts.reasons import Refused
from accounts.tenancy import scope
from accounts.work import Work, plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases import engine, intake
from dsar.cases.models import Action, Case, Channel, ChildReport, Happening, Right, State
from dsar.cases.table import CHILD_DAYS, CHILD_REMINDED, REMINDER

logger = logging.getLogger("steward.cases")
GRACE_DAYS = 3
"""From the day on which nobody had said anything to the deletion."""
CHECKED_FOR = timedelta(days=365)
"""So long after somebody checked it, the same report changes nothing."""
MANY = 10
"""More reports than these within a day, in one organization, are somebody's game or a matter for people: nothing follows from them by itself."""
_CLOCK = ActorRef(type="schedule")


def write(*, email: str, words: str, now: datetime) -> None:
    """Keep what was written, sealed. Whoever is named, the same happens and takes as long."""
    ChildReport.objects.create(id=uuid.uuid4(), said=outbox.seal_text(orjson.dumps({"email": email[:320], "words": words[:1000]}).decode()).encode(), asked_at=now)


def waiting() -> bool:
    return ChildReport.objects.exists()


def answer(*, now: datetime, limit: int = 200) -> int:
    """Look up whom each report means, and open the cases. Needs to see every organization. Returns how many were opened."""
    opened = 0
    for row in ChildReport.objects.order_by("asked_at")[:limit]:
        with transaction.atomic():
            if not ChildReport.objects.filter(id=row.id).delete()[0] or row.asked_at < now - timedelta(days=1):
                continue
            said = orjson.loads(outbox.open_text(bytes(row.said).decode()))
            account = Account.objects.select_for_update().filter(email_key=address_key(said["email"]), kind="person").exclude(status="purged").first()
            if account is not None:
                opened += _take(account, said["words"], now)
    return opened


def _take(account: Account, words: str, now: datetime) -> int:
    """Each organization of the person looks; where there is none, whoever runs the installation."""
    from dsar.cases import reported  # hands on to us what an organization answers for later

    where = places(account)
    return sum(begin(account, organization, words, now) for organization in where) if where else int(reported.receive(account, words, now=now))


def places(account: Account) -> list[Organization]:
    """Where the person is, and who manages the account: each of them answers for what it holds."""
    there = set(Membership.objects.filter(account=account).exclude(status__in=("invited", "removed")).values_list("organization_id", flat=True))
    there |= set(Management.objects.filter(account=account).values_list("organization_id", flat=True))
    return list(Organization.objects.filter(id__in=there).order_by("id"))


def begin(account: Account, organization: Organization, words: str, now: datetime) -> bool:
    """Open the case of one organization, unless it looked into the same within the year, or has it open."""
    work = Work(now=now)
    if Happening.objects.filter(account=account, organization=organization, event="rebutted", at__gt=now - CHECKED_FOR).exists():
        engine.written(work, [EntryDraft(org=organization.id, action="case.reported_again", category="case", outcome="success", actor=ActorRef(type="anonymous"), via="ui",
                                         targets=[TargetRef(type="person", id=account.id, subject=account.id)])], org=organization.id, now=now)
        return False
    got = intake.receive(work, organization=organization, account=account, rights=[Right.CHILD], channel=Channel.REPORT, level=0, who="schedule", actor=None, words=words.replace("\x00", ""),
                         event="reported")
    if not got.again:
        engine.written(work, [engine.draft(got.loaded, facts, actor=_CLOCK, via="schedule", account=account, work=work) for facts in got.facts], org=organization.id, now=now)
    return not got.again


def flooded(row: Case) -> bool:
    """Whether this was one of too many within a day."""
    return Case.objects.filter(organization_id=row.organization_id, channel=Channel.REPORT, received_at__gt=row.received_at - timedelta(days=1), received_at__lte=row.received_at).count() > MANY


# What time does


def due(case: Case, actions: list[Action], happened: list[Happening], now: datetime) -> bool:
    """Whether time has something to do: remind, or schedule the deletion. Not once the person has said that it is not so."""
    if case.channel != Channel.REPORT or case.state != State.TRIAGE or {a.right for a in actions} != {Right.CHILD} or case.received_at + CHILD_DAYS - CHILD_REMINDED > now or flooded(case):
        return False
    at = next((h.at for h in happened if h.code == REMINDER), None)
    return not any(h.event == "added" for h in happened) and (at is None or (at + CHILD_REMINDED - timedelta(hours=1) <= now and case.received_at + CHILD_DAYS <= now))


def go_on(case: Case, happened: list[Happening], now: datetime) -> None:
    """A day before the end the organization is reminded. Who was reminded late has a day from then (decision 50)."""
    if not any(h.code == REMINDER for h in happened):
        engine.happen(case.id, "warned", who="schedule", actor=_CLOCK, now=now, data={"code": REMINDER})
        return
    try:
        _schedule(case, now)
    except Refused as refusal:
        logger.info("a report about a child waits: %s", ", ".join(refusal.codes))


def _schedule(case: Case, now: datetime) -> None:
    """Close the account and schedule its deletion, as far as the organization manages it and nothing stands in the way. Else people have to decide."""
    with scope(org=case.organization_id, purpose=ACT), transaction.atomic():
        member = Membership.objects.filter(organization_id=case.organization_id, account_id=case.account_id).values_list("id", flat=True).first()
        people = load_people(organization_id=case.organization_id, ids=[member], lock=True) if member else []
        if not people or not people[0].managed or people[0].governed or people[0].account.status not in deletions.FROM:
            raise Refused({"": ["not_managed"]})
        person, work = people[0], Work(now=now)
        for gather in (gathering.elsewhere, deletions.blocked, deletions.deletion_days):
            gather([person])
        deletions.lock_owned([person.account.id])
        if codes := deletions.blockers([person.account.id]).get(person.account.id):
            raise Refused({"": codes})
        loaded = engine.load(case.id)
        for one in (person.membership, person.account):
            work.track(one)
        drafts = _drafts(work, person, loaded, now)
        with recording.opened(org=case.organization_id, now=now) as act:
            work.flush()
            act.write(drafts, close=True)


def _drafts(work: Work, person: Person, loaded: engine.Loaded, now: datetime) -> list[EntryDraft]:
    schedule_deletion.apply(work, person, {"days": GRACE_DAYS, "reason_code": "child_report"})
    row = next(one for one in work.added if isinstance(one, Deletion))
    row.warned = False  # the warning goes now, and until its mail has left nothing is deleted (decision 50)
    work.track(loaded.case)
    loaded.case.not_before = row.purge_at
    facts = engine.go(work, loaded, "unrebutted", who="schedule")
    whom = TargetRef(type="person", id=person.account.id, label=person.label, subject=person.account.id)
    return [engine.draft(loaded, facts, actor=_CLOCK, via="schedule", account=person.account, work=work),
            EntryDraft(org=loaded.case.organization_id, action="account.deletion_reported", category="account", outcome="success", actor=_CLOCK, via="schedule", targets=[whom],
                       changes=[*work.changes_of(person.account, subject=person.account.id), *work.changes_of(person.membership, subject=person.account.id)],  # type: ignore[arg-type]
                       facts={"case": str(loaded.case.id), "purge_at": plain(row.purge_at)})]


