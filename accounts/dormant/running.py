"""The rule about unused accounts by the clock: warn, warn again, close; each account decided anew under lock, each step once, not too many in a day."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from accounts import brake, deletions, gathering, notice, policy
from accounts.domains import checks
from accounts.dormant import people, rules
from accounts.dormant.people import Whose
from accounts.models import Account, Deletion, Dormancy, Mail, Management, Membership, OrganizationPolicy
from accounts.people import Person, load_self
from accounts.powers.access import set_account_status
from accounts.powers.account_access import close_account
from accounts.tenancy import installation
from accounts.work import Work, plain
from audit import INSTALLATION, recording, subscribers
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.unused")
SLUG = "set-unused-accounts-rule"
WARNED, CLOSED, BACK, REPORT = "account.unused_warned", "account.unused_closed", "account.used_again", "organization.unused_reported"
READER = "unused"
LATE = timedelta(hours=1)
AT_ONCE = 500
"""So many warnings in one round, the longest unused first: the first round of a rule is no flood of letters, and keeps nothing else waiting."""
_SCHEDULE = ActorRef(type="schedule")


def run(*, now: datetime) -> None:
    """Every rule there is, and the rows of whoever came back. One failure does not stop the others. Safe to run at any time, twice at once, and after a kill."""
    with installation("accounts that nobody uses, under every rule"):
        _come_back(now)
        for whose in _rules(now):
            try:
                _look(whose, now)
            except (OperationalError, InterfaceError):
                raise  # PostgreSQL is away or ended us: the next run takes it up
            except Exception as error:
                logger.error("a rule about unused accounts is looked at again later (%s)", type(error).__name__)


def _rules(now: datetime) -> Iterator[Whose]:
    yield from people.of_installation()
    for row in OrganizationPolicy.objects.filter(unused_days__isnull=False).order_by("organization_id"):
        rule = rules.of(row)
        if rule is not None and SLUG in notice.on(notice.published(row.organization_id), now):
            yield people.of_organization(row.organization_id, rule)


def _come_back(now: datetime) -> None:
    """Who was warned and used the account since, or is under no rule any more: nothing is about to happen to them, and the log says so."""
    rows: dict[UUID | None, list[Dormancy]] = {}
    for row in Dormancy.objects.order_by("account_id"):
        rows.setdefault(row.organization_id, []).append(row)
    for organization_id, some in rows.items():
        stay = {one.account for whose in _under(organization_id) for one in people.unused(whose, ids=[row.account_id for row in some]) if rules.counting(whose.rule, one.used, one.told)}
        for row in some:
            if row.account_id not in stay:
                _forget(row, now)


def _under(organization_id: UUID | None) -> list[Whose]:
    """The rules of this organization, or of the installation."""
    if organization_id is None:
        return people.of_installation()
    rule = rules.of(policy.of(organization_id))
    return [people.of_organization(organization_id, rule)] if rule else []


def _forget(row: Dormancy, now: datetime) -> None:
    with transaction.atomic():
        if Dormancy.objects.select_for_update().filter(id=row.id, version=row.version).first() is None:
            return
        log = row.organization_id or INSTALLATION
        with recording.opened(org=log, now=now) as act:
            Dormancy.objects.filter(id=row.id).delete()
            act.write([_draft(log, row.account_id, BACK)])


def _look(whose: Whose, now: datetime) -> None:
    found = [(rules.step(whose.rule, one.used, one.told, now)[0], one.account) for one in people.unused(whose, before=now + whose.rule.warned[0] - timedelta(days=whose.rule.days))]
    for account in [account for step, account in found if step == "warn"][:AT_ONCE]:
        _warn(whose, account, now)
    due, closed, most = [account for step, account in found if step == "close"], 0, max(0, brake.limit(_everybody(whose)) - _today(whose, now))
    for account in due:
        if closed >= most:
            break
        closed += _close(whose, account, now)
    _report(whose, now, waiting=len(due) - closed)


def _everybody(whose: Whose) -> int:
    return Management.objects.filter(organization_id=whose.organization).count() if whose.organization else Account.objects.filter(kind="person").exclude(status="purged").count()


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _today(whose: Whose, now: datetime) -> int:
    """How many this rule closed today."""
    return Deletion.objects.filter(organization_id=whose.organization, reason_code=rules.REASON, scheduled_at__gte=_midnight(now)).count()


def _locked(account_id: UUID) -> Account | None:
    """In the order in which powers lock a person: memberships, then the account."""
    list(Membership.objects.select_for_update().filter(account_id=account_id).order_by("id").values_list("id"))
    return Account.objects.select_for_update().filter(id=account_id).first()


def _warn(whose: Whose, account_id: UUID, now: datetime) -> None:
    """Write down that the holder is told, with the day on which the account is closed; the mail follows from the entry."""
    with transaction.atomic():
        account = _locked(account_id)
        found = people.unused(whose, ids=[account_id]) if account is not None else []
        step, ends = rules.step(whose.rule, found[0].used, found[0].told, now) if found else ("", now)
        if step != "warn" or account is None:
            return
        row = Dormancy.objects.filter(account_id=account_id).first()
        told = [*rules.counting(whose.rule, found[0].used, found[0].told), now]
        log = whose.organization or INSTALLATION
        with recording.opened(org=log, now=now) as act:
            [entry] = act.write([_draft(log, account_id, WARNED, number=len(told), of=len(whose.rule.warned), days=whose.rule.days, ends_at=plain(ends), grace=_grace(whose))])
            if row is None:
                Dormancy.objects.create(id=uuid4(), account_id=account_id, organization_id=whose.organization, told=told, warning=entry)
            else:
                Dormancy.objects.filter(id=row.id).update(organization_id=whose.organization, told=told, warning=entry, version=row.version + 1)


def _grace(whose: Whose) -> int:
    return policy.of(whose.organization).deletion_days if whose.organization else settings.OWN_DELETION_DAYS


def heard(row: Dormancy, before: timedelta, now: datetime) -> bool:
    """Whether the last warning left the house as many days ago as it promises, or cannot be delivered. What nobody could send yet has warned nobody (decision 50)."""
    mail = Mail.objects.filter(entry=row.warning, account_id=row.account_id).first()
    if mail is None:
        return row.warning is not None and subscribers.has_read(READER, row.warning)
    return mail.state == "failed" or (mail.sent_at is not None and mail.sent_at <= now - before + LATE)


def _close(whose: Whose, account_id: UUID, now: datetime) -> bool:
    """Close the account and schedule its deletion, if everything that was true is still true under lock. Its holder can take that back by signing in."""
    with transaction.atomic():
        account = _locked(account_id)
        row = Dormancy.objects.select_for_update().filter(account_id=account_id).first()
        found = people.unused(whose, ids=[account_id]) if account is not None and row is not None else []
        if not found or row is None or rules.step(whose.rule, found[0].used, found[0].told, now)[0] != "close" or not heard(row, whose.rule.warned[-1], now):
            return False
        (person,) = load_self(account_id=account_id, lock=True)
        checks.frozen([person])
        if person.extra["frozen"]:
            return False
        _shut(whose, person, row, now)
        return True


def _shut(whose: Whose, person: Person, row: Dormancy, now: datetime) -> None:
    gathering.elsewhere([person])
    log, work = whose.organization or INSTALLATION, Work(now=now)
    with recording.opened(org=log, now=now, subjects=[person.account.id]) as act:
        work.track(person.account)
        deletion = deletions.schedule(work, person, days=_grace(whose), by_person=True, reason_code=rules.REASON, organization_id=whose.organization)
        set_account_status(work, person, {"reason_code": rules.REASON, "until": deletion.purge_at}, "pending_deletion")
        close_account(work, person, reason="pending_deletion")
        person.account.credential_epoch += 1  # reset links that are under way open nothing any more
        work.cancel_address_changes(person.account.id)
        changes = work.changes_of(person.account, subject=person.account.id)
        work.flush()
        Dormancy.objects.filter(id=row.id).delete()
        act.write([EntryDraft(org=log, action=CLOSED, category="account", outcome="success", actor=_SCHEDULE, via="schedule", changes=changes, targets=[_target(person.account)],
                              facts={"days": whose.rule.days, "purge_at": plain(deletion.purge_at)}),
                   *(EntryDraft(org=organization, action=event, category="account", outcome="success", actor=ActorRef(type="organization"), via="schedule",
                                targets=[TargetRef(type="person", id=account, subject=account)]) for organization, event, account in work.elsewhere)])


def _target(account: Account) -> TargetRef:
    return TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)


def _draft(log: UUID, account_id: UUID, event: str, **facts: object) -> EntryDraft:
    return EntryDraft(org=log, action=event, category="account", outcome="success", actor=_SCHEDULE, via="schedule", targets=[TargetRef(type="person", id=account_id, subject=account_id)],
        facts=dict(facts))


def _report(whose: Whose, now: datetime, *, waiting: int) -> None:
    """Say once a day how many were warned and closed. Counted from what is written, so that a kill loses nothing."""
    if whose.organization is None:
        return
    since = max(_midnight(now), whose.rule.since)
    with transaction.atomic():
        row = OrganizationPolicy.objects.select_for_update().get(organization_id=whose.organization)
        facts = {"warned": sum(one[-1] >= since for one in Dormancy.objects.filter(organization_id=whose.organization).values_list("told", flat=True) if one), "closed": _today(whose, now),
            "waiting": waiting}
        if row.unused_reported_on == now.astimezone(UTC).date() or not any(facts.values()):
            return
        with recording.opened(org=whose.organization, now=now) as act:
            OrganizationPolicy.objects.filter(id=row.id).update(unused_reported_on=now.astimezone(UTC).date())
            act.write([EntryDraft(org=whose.organization, action=REPORT, category="account", outcome="success", actor=_SCHEDULE, via="schedule",
                                  targets=[TargetRef(type="organization", id=whose.organization)], facts={**facts, "days": whose.rule.days})])


def until(account: Account, *, now: datetime) -> tuple[datetime, UUID | None] | None:
    """When the account is closed if nobody uses it from now on, and by whose rule; None where no rule reaches it. For the holder's own page, which is a use of it."""
    with installation("the rule that a person's own account is under"):
        manager = Management.objects.filter(account=account).values_list("organization_id", flat=True).first()
        whose = next((one for one in _under(manager) if people.unused(one, ids=[account.id])), None)
        return (rules.step(whose.rule, now, (), now)[1], manager) if whose else None
