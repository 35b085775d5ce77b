"""The deletion of an account as a machine: its states and steps in one table, and the one gate that says what stands in its way."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts import holding, outbox, policy
from accounts.domains import checks
from accounts.models import Deletion, Mail, Management, Organization, OrganizationPolicy
from accounts.models.account import AccountStatus
from accounts.models.deletion import DeletionState
from accounts.people import Person, usable_owners
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation
from accounts.work import Work
from audit import subscribers

FEWEST_DAYS, MOST_DAYS = 1, 90
WARNED_BEFORE = timedelta(days=3)
LATE = timedelta(hours=1)
"""By how much a warning may miss its moment. Whoever is warned later than that has the days that the warning promises all the same."""
FROM = frozenset({AccountStatus.ACTIVE, AccountStatus.DEACTIVATED, AccountStatus.LOCKED})
"""From which statuses a deletion can be scheduled, and to which cancelling leads back."""
S = DeletionState
NONE, OVER = "none", "over"
STEPS: dict[str, dict[str, str]] = {
    NONE: {"schedule": S.WAITING},
    S.WAITING: {"cancel": NONE, "expedite": S.WAITING, "release_address": S.WAITING, "warn": S.WAITING, "block": S.BLOCKED, "begin": S.PURGING},
    S.BLOCKED: {"resume": S.WAITING, "cancel": NONE, "expedite": S.BLOCKED, "release_address": S.BLOCKED, "block": S.BLOCKED, "begin": S.PURGING},
    S.PURGING: {"step": S.PURGING, "end": OVER},
    OVER: {},
}
"""What can happen in each state, and where it leads. What is not here cannot happen."""


class Impossible(Exception):
    """The step does not exist in this state: a programming error, or somebody was faster."""


def may(row: Deletion | None, step: str) -> bool:
    """Whether this can happen now."""
    return step in STEPS[row.state if row else NONE]


def go(row: Deletion, step: str) -> None:
    """Take the step."""
    if not may(row, step):
        raise Impossible(f"{step} in {row.state}")
    if (after := STEPS[row.state][step]) in S:
        row.state = after


def hurried(row: Deletion) -> bool:
    """Whether two people brought it forward, who need not wait for the announced date."""
    return len(set(row.expedited_by)) >= 2


def ready(row: Deletion, now: datetime) -> bool:
    """Whether its date has come: the announced one, of which the person was warned; or an earlier one that two people agreed on."""
    return (row.term <= now and row.warned and heard(row, now)) or (row.purge_at <= now and hurried(row))


def heard(row: Deletion, now: datetime) -> bool:
    """Whether the warning left the house three days ago, or cannot be delivered. What nobody could send yet has warned nobody."""
    if row.warning is None:
        return True
    mail = Mail.objects.filter(entry=row.warning, account_id=row.account_id).first()
    if mail is None:  # not written yet; or it is owed to nobody, because somebody else reads that mailbox by now
        return subscribers.has_read("deletions", row.warning)
    return mail.state == "failed" or (mail.sent_at is not None and mail.sent_at <= now - WARNED_BEFORE + LATE)


def postpone(row: Deletion, *, now: datetime) -> bool:
    """The warning comes late: the days that it promises count from now. Whether the date was moved."""
    if hurried(row) or row.term - now >= WARNED_BEFORE - LATE:
        return False
    row.term = row.purge_at = now + WARNED_BEFORE
    return True


def suspend(row: Deletion, codes: list[str]) -> None:
    """Something stands in the way: it waits, and nothing tells a date any more. The account's `status_until` is the caller's, and goes with it."""
    go(row, "block")
    row.waits_for = codes


def resume(row: Deletion, *, now: datetime) -> None:
    """What stood in the way is gone. Whoever was told that it waits is warned anew, and has the days that the warning promises."""
    go(row, "resume")
    row.waits_for, row.warned = [], hurried(row)
    if not hurried(row):
        row.term = row.purge_at = max(row.term, now + WARNED_BEFORE)


def schedule(work: Work, person: Person, *, days: int, by_person: bool, reason_code: str, organization_id: UUID | None) -> Deletion:
    """The row of a new deletion, which remembers what the account is now. The account's own fields are the caller's."""
    account, purge_at = person.account, work.now + timedelta(days=days)
    row = Deletion(
        organization_id=organization_id, account=account, by_person=by_person, asked_by=work.actor_membership, reason_code=reason_code, scheduled_at=work.now, term=purge_at, purge_at=purge_at,
        warned=purge_at - work.now <= WARNED_BEFORE, last_address=outbox.seal_text(account.email), was_status=account.status, was_reason_code=account.reason_code, was_reason_text=account.reason_text,
        was_until=account.status_until, was_changed_by=account.status_changed_by, was_changed_at=account.status_changed_at)
    work.add(row)
    return row


def restore(work: Work, person: Person, row: Deletion) -> None:
    """The account is again what it was before its deletion was scheduled. What ended stays ended."""
    go(row, "cancel")
    account = person.account
    account.status, account.reason_code, account.reason_text = row.was_status, row.was_reason_code, row.was_reason_text
    account.status_until, account.status_changed_by, account.status_changed_at = row.was_until, row.was_changed_by, row.was_changed_at
    work.remove(row)


# What is fetched for powers


def deletion(people: Sequence[Person]) -> None:
    """extra["deletion"]: the scheduled deletion of each account, or None."""
    rows: dict[UUID, Deletion] = {}
    if closed := [p.account.id for p in people if p.account.status == AccountStatus.PENDING_DELETION]:
        with installation("whether an account is being deleted is known wherever it is acted on"):
            rows = {row.account_id: row for row in Deletion.objects.filter(account_id__in=closed)}
    for person in people:
        person.extra["deletion"] = rows.get(person.account.id)


def deletion_days(people: Sequence[Person]) -> None:
    """extra["deletion_days"]: how long the organization that manages the account waits, unless the act says otherwise."""
    decided = policy.several({p.management.organization_id for p in people if p.management is not None})
    for person in people:
        person.extra["deletion_days"] = (decided[person.management.organization_id] if person.management is not None else OrganizationPolicy()).deletion_days


def blocked(people: Sequence[Person]) -> None:
    """extra["blocked"]: why each of these accounts cannot be deleted, as reason codes; [] when nothing stands in the way."""
    found = blockers([p.account.id for p in people])
    for person in people:
        person.extra["blocked"] = found.get(person.account.id, [])


# The gate


def blockers(accounts: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Why these accounts, all of them, cannot be deleted: asked when a deletion is scheduled, and again before anything is removed.

    What another organization has to settle is told as `external_obligation` only: neither which one, nor what, nor how much (guard rail 8).
    """
    return _opaque(obstacles(accounts))


def on_hold(accounts: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Of these accounts those that a hold keeps, with the code under which that is told: which organization's it is only its own people know."""
    with installation("what stands in the way of a deletion may be in any organization"):
        held = holding.held(accounts)
    return _opaque({(account, organization, "on_hold") for account, organizations in held.items() for organization in organizations})


def _opaque(seen: set[tuple[UUID, UUID | None, str]]) -> dict[UUID, list[str]]:
    if not seen:
        return {}
    found: dict[UUID, set[str]] = defaultdict(set)
    with installation("what stands in the way of a deletion may be in any organization"):
        manages = dict(Management.objects.filter(account_id__in={account for account, _organization, _code in seen}).values_list("account_id", "organization_id"))
    for account, organization, code in seen:
        found[account].add(code if organization is None or organization == manages.get(account, organization) else "external_obligation")
    return {account: sorted(codes) for account, codes in found.items()}


def obstacles(accounts: Iterable[UUID]) -> set[tuple[UUID, UUID | None, str]]:
    """(account, organization, reason code) of everything that stands in the way. Only for the machine, and for the person whom it is about."""
    accounts = list(accounts)
    with installation("what stands in the way of a deletion may be in any organization"):
        seen: set[tuple[UUID, UUID | None, str]] = {(account, organization, "on_hold") for account, organizations in holding.held(accounts).items() for organization in organizations}
        with connection.cursor() as cursor:
            cursor.execute(_IN_THE_WAY, {"accounts": accounts, "owner": OWNER_RANK})
            rows = cursor.fetchall()
        seen |= {(account, organization, code) for account, organization, code, _membership in rows if code != "owns"}
        return seen | _last_owners([(account, organization, membership) for account, organization, code, membership in rows if code == "owns"])


def in_doubt(row: Deletion) -> list[str]:
    """Why a deletion that the organization scheduled waits although nothing else stands in its way: the domain by which it manages the account is contested or long unproven.

    What a person asked for goes on.
    """
    if row.by_person or row.organization_id is None:
        return []
    with installation("the ground of a management, before an account is deleted"):
        management = Management.objects.filter(account_id=row.account_id).first()
        person = Person(account=row.account, management=management)
        checks.frozen([person])
    return list(person.extra["frozen"])  # type: ignore[call-overload]


_OWNED = """SELECT DISTINCT m.account_id, m.organization_id, 'owns' AS code, m.id FROM accounts_membership m JOIN accounts_role r ON r.id = m.role_id
 LEFT JOIN accounts_groupmembership gm ON gm.membership_id = m.id LEFT JOIN accounts_group g ON g.id = gm.group_id LEFT JOIN accounts_role gr ON gr.id = g.role_id
 WHERE m.account_id = ANY(%(accounts)s) AND m.status NOT IN ('removed', 'invited') AND GREATEST(r.rank, gr.rank) >= %(owner)s"""
_IN_THE_WAY = f"""{_OWNED}
 UNION ALL SELECT DISTINCT a.account_id, a.organization_id, 'sole_control', NULL::uuid
 FROM accounts_protection p JOIN accounts_membership a ON a.id = p.administrator_id JOIN accounts_membership m ON m.id = p.membership_id
 WHERE a.account_id = ANY(%(accounts)s) AND m.protected AND m.status <> 'removed' AND m.account_id <> ALL(%(accounts)s) AND NOT EXISTS (
  SELECT 1 FROM accounts_protection q JOIN accounts_membership b ON b.id = q.administrator_id JOIN accounts_account c ON c.id = b.account_id
  WHERE q.membership_id = p.membership_id AND b.account_id <> ALL(%(accounts)s) AND b.status IN ('active', 'restricted') AND c.status = 'active')
 UNION ALL SELECT account_id, NULL::uuid, 'dispute_open', NULL::uuid FROM accounts_dispute WHERE account_id = ANY(%(accounts)s) AND lifted_at IS NULL"""
"""What these accounts own, whom they alone may act on, and what the operator noted: one question for all."""


def _last_owners(owned: list[tuple[UUID, UUID, UUID]]) -> set[tuple[UUID, UUID | None, str]]:
    ours: dict[UUID, list[UUID]] = defaultdict(list)
    for _account, organization, membership in owned:
        ours[organization].append(membership)
    ownerless = {organization for organization, memberships in ours.items() if not usable_owners(organization_id=organization, without=memberships)}
    return {(account, organization, "last_owner") for account, organization, _membership in owned if organization in ownerless}


def lock_owned(accounts: Iterable[UUID]) -> None:
    """Nobody else comes to be, or ceases to be, an owner of what these accounts own, until the transaction ends."""
    with installation("owners are counted under a lock, in whatever organization"):
        with connection.cursor() as cursor:
            cursor.execute(_OWNED, {"accounts": list(accounts), "owner": OWNER_RANK})
            organizations = {row[1] for row in cursor.fetchall()}
        list(Organization.objects.select_for_update().filter(id__in=organizations).order_by("id"))


def of(*, account_id: UUID) -> Deletion | None:
    """The scheduled deletion of an account, or None. Needs to see it."""
    return Deletion.objects.filter(account_id=account_id).first()


def shown(*, account_id: UUID) -> Deletion | None:
    """The scheduled deletion as it is to be told at this moment: a hold that was placed a second ago, and is not in the row yet, lets it wait already."""
    row = of(account_id=account_id)
    if row is not None and row.state == DeletionState.WAITING and (held := on_hold([account_id]).get(account_id)):
        suspend(row, held)
    return row


