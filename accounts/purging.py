"""The end of a scheduled deletion: what identifies the person goes, part by part, and a tombstone stays (POWERS P6).

Each part is a transaction of its own with an entry of its own. Whoever is killed in between goes on where they stopped, and doing it once more changes nothing.
What is removed in the log and in the packages that know more than this one stands in `settings.PURGE_PARTS`, in order.
"""
from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import deletions, outbox
from accounts.addresses import address_key
from accounts.emails import collisions, switching
from accounts.models import Account, Deletion, Mail, Management, Membership, Organization, Tombstone
from accounts.models.deletion import DeletionState
from accounts.returning import hashed
from accounts.tenancy import installation
from audit import INSTALLATION, disclosure, holds, outside, recording
from audit.models import Disclosure, SubjectKey
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.purging")
Part = Callable[[Account, str], dict[str, int]]
"""Removes something of an account, whose address is given in comparison form, inside an open act; once more is once. Answers with how many rows of what."""
_SCHEDULE = ActorRef(type="schedule")


def due(*, now: datetime) -> bool:
    """Whether an account is to be deleted now, and nothing that is known stands in its way."""
    with installation("deletions are due in every organization"):
        return any(row.state == DeletionState.PURGING or deletions.ready(row, now) for row in Deletion.objects.filter(purge_at__lte=now).exclude(state=DeletionState.BLOCKED)[:100])


def run(*, now: datetime, limit: int = 100) -> int:
    """Tell whose date is near, delete what is due, tidy up behind it. One failure does not stop the rest. Returns how many accounts were deleted."""
    done = 0
    with installation("deletions are due in every organization"):
        settle(now=now)
        warn(now=now)
        waiting = list(Deletion.objects.filter(purge_at__lte=now).order_by("-state", "purge_at").values_list("account_id", flat=True)[:limit])
        for account_id in waiting:
            try:
                done += purge(account_id=account_id, now=now)
            except Exception as error:
                logger.exception("the deletion of account %s goes on later: %s", account_id, type(error).__name__)
        tidy()
    return done


def settle(*, now: datetime, only: Iterable[UUID] | None = None) -> int:
    """Deletions and holds say the same: what a hold keeps waits from the moment the hold is there, and goes on when the last one is gone. Needs to see every organization. Returns how many changed."""
    rows = Deletion.objects.exclude(state=DeletionState.PURGING)
    accounts = [(row.account_id, row.state, bool(set(row.waits_for) & _HELD)) for row in (rows if only is None else rows.filter(account_id__in=list(only)))]
    held, changed = deletions.on_hold([account for account, _state, _waits in accounts]), 0
    for account_id, state, waits in accounts:
        if (account_id in held) != (state == DeletionState.BLOCKED) and (account_id in held or waits):
            try:
                changed += _settle(account_id, now)
            except Exception as error:
                logger.exception("the deletion of account %s is looked at again later: %s", account_id, type(error).__name__)
    return changed


_HELD = {"on_hold", "external_obligation"}
_UNTOLD = {"account.purge_waits", "account.purge_resumes"}
"""Not in the person's ledger: its hour would say when a hold came and went. That it waits they read where the deletion is."""


def _settle(account_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        account, row = _locked(account_id)
        holds.shut()
        if account is None or row is None:
            return False
        held, all_of_it = deletions.on_hold([account_id]).get(account_id, []), [*deletions.blockers([account_id]).get(account_id, []), *deletions.in_doubt(row)]
        if row.state == DeletionState.WAITING and held:
            deletions.suspend(row, held)
            draft = _draft(row, "account.purge_waits", waits_for=held)
        elif row.state == DeletionState.BLOCKED and not all_of_it:
            deletions.resume(row, now=now)
            draft = _draft(row, "account.purge_resumes", purge_at=row.purge_at.isoformat())
        else:
            return False
        row.version += 1
        with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
            row.save(update_fields=["state", "waits_for", "warned", "term", "purge_at", "version"])
            Account.objects.filter(id=account_id).update(status_until=None if row.waits_for else row.purge_at, version=account.version + 1)
            act.write([draft])
        return True


def warn(*, now: datetime) -> None:
    """Three days before, the person is told once more. Who is told late, because nobody looked, has three days from then (decision 50)."""
    for account_id in Deletion.objects.filter(warned=False, state=DeletionState.WAITING, purge_at__lte=now + deletions.WARNED_BEFORE).values_list("account_id", flat=True):
        with transaction.atomic():
            account, row = _locked(account_id)
            if account is None or row is None or row.warned or not deletions.may(row, "warn") or deletions.on_hold([account_id]):
                continue
            moved = deletions.postpone(row, now=now)
            with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
                if moved:
                    Account.objects.filter(id=account_id).update(status_until=row.purge_at, version=account.version + 1)
                [row.warning] = act.write([_draft(row, "account.deletion_near", purge_at=row.purge_at.isoformat(), **({"postponed": True} if moved else {}))])
                row.warned, row.version = True, row.version + 1
                row.save(update_fields=["warned", "warning", "term", "purge_at", "version"])


@dataclass(frozen=True)
class Before:
    """When it was deleted already, in a database that is gone: what was told then counts, and nobody is told once more."""

    purged_at: datetime
    backups_until: date


def purge(*, account_id: UUID, now: datetime, before: Before | None = None) -> bool:
    """Delete one account, as far as it is due and nothing stands in the way. Whether it is deleted now by our doing. Needs to see every organization."""
    if not _begin(account_id, now):
        return False
    for name in settings.PURGE_PARTS:
        if not _part(account_id, name, now):
            return False
    _erase_in_logs(account_id, now)
    return _end(account_id, now, before)


def _locked(account_id: UUID) -> tuple[Account | None, Deletion | None]:
    # In the order in which powers lock a person: memberships, then the account; organizations and the holds come after people, so that whoever places a hold and we never wait in a circle.
    list(Membership.objects.select_for_update().filter(account_id=account_id).order_by("id").values_list("id"))
    account = Account.objects.select_for_update().filter(id=account_id).first()
    return account, Deletion.objects.select_for_update().filter(account_id=account_id).first()


def _begin(account_id: UUID, now: datetime) -> bool:
    """From here on there is no way back. Everything that could stand in the way is looked at under lock, and recorded if it does."""
    with transaction.atomic():
        account, row = _locked(account_id)
        if account is None or row is None:
            return False
        if row.state == DeletionState.PURGING:
            return True
        if not deletions.ready(row, now):
            return False
        deletions.lock_owned([account_id])
        holds.shut()
        codes = [*deletions.blockers([account_id]).get(account_id, []), *deletions.in_doubt(row)]
        if codes and row.state == DeletionState.BLOCKED and codes == row.waits_for:
            return False
        if codes:
            deletions.suspend(row, codes)
        else:
            deletions.go(row, "begin")
        row.waits_for, row.began_at, row.version = codes, None if codes else now, row.version + 1
        if not codes:  # no line outside the database, no deletion: it is tried again
            outside.before("account.purge", org=row.organization_id, subject=account_id, facts=kept_outside(row, now), now=now)
        with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
            row.save(update_fields=["state", "waits_for", "began_at", "version"])
            if codes:
                Account.objects.filter(id=account_id).update(status_until=None, version=account.version + 1)
            act.write([_draft(row, "account.purge_waits", waits_for=codes) if codes else _draft(row, "account.purge_began", term=row.term.isoformat())])
        return not codes


def _held_back(row: Deletion, now: datetime) -> bool:
    """Whether a hold came while the account was being deleted: what is gone is gone, and nothing more goes until it is released. Said once."""
    codes = deletions.on_hold([row.account_id]).get(row.account_id, [])
    if codes != row.waits_for:
        deletions.go(row, "step")
        with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
            row.waits_for, row.version = codes, row.version + 1
            row.save(update_fields=["waits_for", "version"])
            act.write([_draft(row, "account.purge_waits", waits_for=codes) if codes else _draft(row, "account.purge_resumes")])
    return bool(codes)


def kept_outside(row: Deletion, now: datetime) -> dict[str, outside.Fact]:
    """What a restored database needs to know of a deletion that it does not have: whose decision, since when, and the days that were told. Codes and random numbers."""
    return {"by_person": row.by_person, "asked_by": str(row.asked_by) if row.asked_by else None, "reason_code": row.reason_code, "scheduled_at": row.scheduled_at.isoformat(),
            "term": row.term.isoformat(), "expedited_by": " ".join(map(str, row.expedited_by)), "backups_until": import_string(settings.BACKUP_HORIZON)(now).isoformat()}


def _part(account_id: UUID, name: str, now: datetime) -> bool:
    """One part. False when a hold came in between."""
    with transaction.atomic():
        account, row = _locked(account_id)
        holds.shut()
        if account is None or row is None or row.state != DeletionState.PURGING or _short(name) in row.done:
            return True
        if _held_back(row, now):
            return False
        deletions.go(row, "step")
        with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
            counts = import_string(name)(account, _key(row))
            row.done, row.version = [*row.done, _short(name)], row.version + 1
            row.save(update_fields=["done", "version"])
            act.write([_draft(row, "account.purge_part", part=_short(name), **counts)])
        return True


def _short(name: str) -> str:
    """What a part is called: the last word of its path, at most 20 characters."""
    return name.rpartition(".")[2][:20]


def _erase_in_logs(account_id: UUID, now: datetime) -> None:
    """In every log that has something of the person: openings and key go, proofs stay. Under a hold on a log it waits there, recorded."""
    logs = set(SubjectKey.objects.filter(subject=account_id).values_list("org", flat=True)) | set(Disclosure.objects.filter(subject=account_id).values_list("org", flat=True).distinct())
    for log in sorted(logs):
        disclosure.erase_subject(org=log, subject=account_id, ground="account_deleted", now=now)


def _end(account_id: UUID, now: datetime, before: Before | None = None) -> bool:
    with transaction.atomic():
        account, row = _locked(account_id)
        holds.shut()
        if account is None or row is None or row.state != DeletionState.PURGING or _held_back(row, now):
            return False
        key, address = _key(row), outbox.open_text(row.last_address)
        deletions.go(row, "end")
        with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
            for name in settings.PURGE_PARTS:  # what came while we were at it
                import_string(name)(account, key)
            backups = before.backups_until if before else import_string(settings.BACKUP_HORIZON)(now)
            Tombstone.objects.create(id=uuid4(), organization_id=row.organization_id, account=account_id, backups_until=backups, by_person=row.by_person and row.reason_code != deletions.UNUSED,
                asked_by=row.asked_by,
                                     approved_by=row.expedited_by, reason_code=row.reason_code, scheduled_at=row.scheduled_at, term=row.term,
                                     purged_at=before.purged_at if before else now, address_hash=hashed(key))
            if not row.address_released and switching.has_address(account):
                collisions.given_up(key=key, account_id=account_id, now=now).save(force_insert=True)
            elsewhere = sorted(set(Membership.objects.filter(account_id=account_id).values_list("organization_id", flat=True)) - {row.organization_id})
            Management.objects.filter(account_id=account_id).delete()
            Deletion.objects.filter(id=row.id).delete()
            _forget(account, now)
            written = act.write([_draft(row, "account.purged", backups_until=backups.isoformat(), term=row.term.isoformat(), scheduled_at=row.scheduled_at.isoformat()),
                                 *(_elsewhere(organization, account_id) for organization in elsewhere)])
            if before is None:
                _tell(account, row, address, written[0], now, backups)
    return True


def _forget(account: Account, now: datetime) -> None:
    """The account's own row: what is left says that somebody was here, and no longer who."""
    account.email = account.email_key = switching.placeholder(account.id)
    account.name, account.password, account.status = former(account.id), make_password(None), "purged"
    account.language, account.time_zone, account.recovery_email, account.reason_text = settings.LANGUAGE_CODE, "", "", ""
    account.access_ends_at = account.gpc_at = account.reported_at = None
    account.status_until, account.status_changed_at, account.last_login, account.last_active_at, account.email_verified_at = None, now, None, None, None
    account.reset_required_at = account.reset_required_by = account.mfa_reset_at = account.mfa_stop_until = account.credentials_changed_at = None
    account.has_second_factor, account.is_operator, account.refuses_invitations = False, False, True
    account.auth_epoch, account.credential_epoch, account.version = account.auth_epoch + 1, account.credential_epoch + 1, account.version + 1
    account.save()


def former(account_id: UUID) -> str:
    """What stands where the name stood: the same for one person everywhere, another one for everybody else."""
    code = base64.b32encode(salted_hmac("steward.former", str(account_id), algorithm="sha256").digest()).decode()[:6]
    with override(settings.LANGUAGE_CODE):
        return _("Former user %(code)s") % {"code": code}


def _key(row: Deletion) -> str:
    return address_key(outbox.open_text(row.last_address))


def _tell(account: Account, row: Deletion, address: str, entry: UUID, now: datetime, backups: date) -> None:
    """The last notice goes to the last known address, unless somebody else has it by now. The outbox forgets the address as soon as it is sent."""
    if Account.objects.filter(email_key=address_key(address)).exists():
        return
    organization = Organization.objects.filter(id=row.organization_id).first()
    outbox.owe(template="account-deleted", account=account, address=address, entry=entry, organization_id=row.organization_id, now=now, context={
        "organization": organization.name if organization else "", "contact": organization.contact_email if organization else "", "when": now.isoformat(timespec="minutes")[:16].replace("T", " "),
        "backups": backups.isoformat(), "unconfirmed": import_string(settings.PURGE_UNCONFIRMED)(account), "scheduled": row.scheduled_at.isoformat()[:16].replace("T", " ")})


def tidy() -> None:
    """Letters to people who are deleted, once they are sent or given up: address and words go."""
    rows = Mail.objects.filter(account__status="purged").exclude(state="due").exclude(address__endswith="@" + collisions.RELEASED_DOMAIN)
    Mail.objects.filter(id__in=rows.values("id")[:1000]).update(address=switching.PLACEHOLDER, subject="", body="", context=None, last_error="")


def _draft(row: Deletion, event: str, **facts: object) -> EntryDraft:
    return EntryDraft(org=row.organization_id or INSTALLATION, action=event, category="hold" if event in _UNTOLD else "account", outcome="success", actor=_SCHEDULE, via="schedule",
                      approved_by=tuple(row.expedited_by),
                      targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id)], facts=dict(facts))


def _elsewhere(organization: UUID, account_id: UUID) -> EntryDraft:
    return EntryDraft(org=organization, action="member.deleted", category="account", outcome="success", actor=ActorRef(type="organization"), via="schedule",
                      targets=[TargetRef(type="person", id=account_id, subject=account_id)])
