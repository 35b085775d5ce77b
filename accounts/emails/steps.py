"""What the mailed links do, by POST: the new mailbox confirms, the old one undoes. And what time does."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import holding
from accounts.claims import life as claims
from accounts.emails import collisions, life, links, switching
from accounts.models import Account, AddressChange, ClaimedAccount, Management, Membership, Organization, ReleasedAddress
from accounts.models.address import PENDING, ChangeKind, ChangeState
from accounts.models.claim import CONTROLLED
from accounts.people import usable_owners
from accounts.reasons import NotFound, Refused
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation
from accounts.work import Work, plain
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.emails")
S, K = ChangeState, ChangeKind


def seen(word: str, purpose: links.Purpose, *, now: datetime) -> AddressChange | None:
    """The change behind a link that still means something; looking changes nothing."""
    with installation("a link names its change"):
        row = links.find(word, purpose)
    if row is None or row.account.status == "purged":
        return None
    until = row.expires_at if purpose == "confirm" else row.undo_until
    return row if until is not None and until > now else None


def confirm(word: str, *, now: datetime) -> AddressChange:
    """Whoever reads the new mailbox says that it is theirs. What follows depends on who wanted the change.

    NotFound for a link that is over, Refused where the address, the account or the organization does not allow it any more.
    """
    with _link(word, "confirm", "account.email.mailbox_confirmed", now) as (work, act, account, row):
        if account.status != "active":
            raise Refused({"": ["wrong_status"]})
        manager = life.manager_of(account.id)
        managed_by = manager.organization_id if manager else None
        row.confirmed_at, event = now, "account.email.changed"
        if row.kind == K.RECOVERY:
            account.recovery_email, event = row.new_address, "account.recovery_email.changed"
            life.go(row, S.DONE, now=now)
        elif row.kind == K.ADMINISTRATOR:
            if managed_by is None or managed_by != row.organization_id:
                raise Refused({"": ["not_managed"]})
            if not life.owned(organization_id=managed_by, address=row.new_address):
                raise Refused({"": ["address_outside"]})
            life.complete(work, account, row, by_organization=True, ends_sessions="address_changed")
        elif manager is None:
            row.organization_id, row.outside = None, False
            life.complete(work, account, row, by_organization=False)
        elif manager.basis == "scim":
            raise Refused({"": ["managed_by_idp"]})
        else:
            if code := collisions.find(address=row.new_address, account_id=account.id, organization_id=None, now=now).code:
                raise switching.Taken(code)
            row.organization_id, row.outside = managed_by, not life.owned(organization_id=manager.organization_id, address=row.new_address)
            life.go(row, S.WAITING, now=now)
            event = "account.email.mailbox_confirmed"
        _write(work, act, account, row, event, log=managed_by or INSTALLATION)
        return row


def undo(word: str, *, now: datetime) -> AddressChange:
    """Whoever reads the old mailbox takes the change back: the address returns, every session ends, and what was changed later falls with it."""
    with _link(word, "undo", "account.email.reverted", now) as (work, act, account, row):
        if account.status not in {"active", "deactivated", "locked"}:
            raise Refused({"": ["wrong_status"]})
        for later in life.end_undo(work, account.id, but=row.id, since=row.finished_at):
            life.go(later, S.REVERTED, now=now)
        for waiting in AddressChange.objects.select_for_update().filter(account=account, state__in=PENDING).order_by("id"):
            work.track(waiting)
            life.go(waiting, S.CANCELLED, now=now)
        if account.email == row.old_address:
            raise Refused({"": ["nothing_to_change"]})
        switching.switch(work, account, address=row.old_address, ends_sessions="address_restored")
        life.go(row, S.REVERTED, now=now)
        manager = life.manager_of(account.id)
        ended = [_ungrounded(work, account, manager)] if manager is not None and not life.grounded(manager, account) else []
        _write(work, act, account, row, "account.email.reverted", log=manager.organization_id if manager else INSTALLATION, also=ended)
        return row


def _ungrounded(work: Work, account: Account, manager: Management) -> EntryDraft:
    """The address that came back is in no domain of the organization that manages the account on the ground of its domain: its control ends."""
    work.remove(manager)
    for claimed in ClaimedAccount.objects.select_for_update().filter(organization_id=manager.organization_id, account=account, state__in=CONTROLLED):
        work.track(claimed)
        claims.go(claimed, "end", now=work.now)
        claimed.problem = "not_in_domain"
    return EntryDraft(org=manager.organization_id, action="management.ended", category="management", outcome="success", actor=ActorRef(type="user", id=account.id, auth_method="mail_link"), via="ui",
                      reason_code="not_in_domain", targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)],
                      facts={"basis": manager.basis, "since": plain(manager.since), "ground": "not_in_domain"})


@contextmanager
def _link(word: str, purpose: links.Purpose, event: str, now: datetime) -> Iterator[tuple[Work, recording.Act, Account, AddressChange]]:
    """One use of a link: account and change locked in this order, as powers lock them; of two uses at once the second finds nothing. Refusals are recorded."""
    found = seen(word, purpose, now=now)
    if found is None:
        raise NotFound
    try:
        with installation("a link acts on the account of its mailbox"), transaction.atomic():
            account = Account.objects.select_for_update().get(id=found.account_id)
            row = AddressChange.objects.select_for_update().filter(id=found.id, **{links._COLUMN[purpose]: links.digest(word)}).first()
            until = (row.expires_at if purpose == "confirm" else row.undo_until) if row else None
            if row is None or until is None or until <= now:
                raise NotFound
            work = Work(now=now)
            work.track(account)
            work.track(row)
            try:
                log = row.organization_id or INSTALLATION
                with recording.opened(org=log, now=now, subjects=[account.id]) as act:
                    yield work, act, account, row
            except switching.Taken as taken:
                raise Refused({"": [taken.code]}) from taken
            except IntegrityError as error:  # somebody was invited with this address at the same moment
                raise Refused({"": ["address_unavailable"]}) from error
    except Refused as refusal:
        recording.refuse(EntryDraft(
            org=found.organization_id or INSTALLATION, action=event, category="email", outcome="denied", reason_code=",".join(refusal.codes), actor=ActorRef(type="anonymous"),
            targets=[TargetRef(type="person", id=found.account_id), TargetRef(type="address_change", id=found.id)], via="ui"), now=now)
        raise


def _write(work: Work, act: recording.Act, account: Account, row: AddressChange, event: str, *, log: UUID, also: Sequence[EntryDraft] = ()) -> None:
    """What a link did, in the log of whoever manages the account, and in each other organization that has to hear of it."""
    changes = [*work.changes_of(account, subject=account.id), *work.changes_of(row, subject=account.id)]
    ended = work.flush()
    drafts = [EntryDraft(
        org=log, action=event, category="email", outcome="success", actor=ActorRef(type="user", id=account.id, auth_method="mail_link"), via="ui", changes=changes,
        targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id), TargetRef(type="address_change", id=row.id)],
        ended={"sessions": n} if (n := sum(ended["sessions"].values())) else {}, facts={"kind": row.kind})]
    drafts += [EntryDraft(org=organization_id, action=told, category="account", outcome="success", actor=ActorRef(type="organization"),
                          targets=[TargetRef(type="person", id=account_id, subject=account_id)], via="ui") for organization_id, told, account_id in work.elsewhere]
    act.write([*drafts, *also])


# What time does


def due(*, now: datetime) -> None:
    """Links that nobody used in time, requests that wait too long, and what need not be known any more. One failure does not stop the rest."""
    with installation("time passes for every change of an address"):
        rows = list(AddressChange.objects.filter(state__in=PENDING).values_list("id", "state", "expires_at", "confirmed_at", "escalated"))
    for row_id, state, expires_at, confirmed_at, escalated in rows:
        waits = state == S.WAITING and [day for day, _rank in life.ESCALATES if escalated < day and now - confirmed_at >= timedelta(days=day)]
        try:
            if expires_at <= now:
                _later(row_id, now, "account.email.change_expired")
            elif waits:
                _later(row_id, now, "account.email.request_waiting", day=waits[-1])
        except life.NotPossible:
            logger.info("change %s was decided meanwhile", row_id)
    accept(now=now)
    forget(now=now)


def _later(row_id: UUID, now: datetime, event: str, *, day: int = 0) -> None:
    with installation("time passes for a change of an address"), transaction.atomic():
        row = AddressChange.objects.get(id=row_id)
        account = Account.objects.select_for_update().get(id=row.account_id)
        row = AddressChange.objects.select_for_update().get(id=row_id)
        work, log = Work(now=now), row.organization_id or INSTALLATION
        work.track(row)
        if day:
            if row.state != S.WAITING:
                return
            row.escalated = day
        else:
            life.go(row, S.EXPIRED, now=now)
        with recording.opened(org=log, now=now, subjects=[account.id]) as act:
            changes = work.changes_of(row, subject=account.id)
            work.flush()
            act.write([EntryDraft(org=log, action=event, category="email", outcome="success", actor=ActorRef(type="schedule"), via="schedule", changes=changes,
                                  targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id), TargetRef(type="address_change", id=row.id)],
                                  facts={"kind": row.kind, **({"days": day} if day else {})})])


def accept(*, now: datetime) -> None:
    """A sole owner whose identity was changed elsewhere: nobody could confirm them, so their rank rests for as long as the old mailbox can object, and then no longer."""
    with installation("owners whom nobody else could confirm"):
        rows = list(Membership.objects.filter(identity_changed_at__lte=now - life.UNDO_WITHIN, role__rank__gte=OWNER_RANK).values_list("organization_id", "id"))
        for organization_id, membership_id in rows:
            with transaction.atomic():
                row = Membership.objects.select_for_update(of=("self",)).select_related("account").get(id=membership_id)
                Organization.objects.select_for_update().get(id=organization_id)
                if row.identity_changed_at is None or usable_owners(organization_id=organization_id, without=[row.id]):
                    continue
                work = Work(now=now)
                work.track(row)
                row.identity_changed_at = None
                with recording.opened(org=organization_id, now=now, subjects=[row.account_id]) as act:
                    changes = work.changes_of(row, subject=row.account_id)
                    work.flush()
                    act.write([EntryDraft(org=organization_id, action="membership.identity_accepted", category="membership", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                          changes=changes, targets=[TargetRef(type="person", id=row.account_id, label=row.account.name or row.account.email, subject=row.account_id),
                                                                    TargetRef(type="membership", id=row.id)])])


def forget(*, now: datetime) -> None:
    """Undo links and quarantines that are over, and finished changes after 90 days: nobody needs the addresses here any more."""
    with installation("what is over is forgotten"), transaction.atomic():
        old = holding.free(AddressChange.objects.filter(finished_at__lte=now - life.KEPT))
        stale = AddressChange.objects.filter(undo_until__lte=now)
        closed = ReleasedAddress.objects.filter(until__lte=now)
        if not (old.exists() or stale.exists() or closed.exists()):
            return
        with recording.opened(org=INSTALLATION, now=now) as act:
            facts = {"changes": old.delete()[0], "links": stale.update(undo_hash=None, undo_until=None), "addresses": closed.delete()[0]}
            act.write([EntryDraft(org=INSTALLATION, action="account.email.forgotten", category="email", outcome="success", actor=ActorRef(type="schedule"), via="schedule", facts=facts)])
