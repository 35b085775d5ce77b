"""What inviting and importing have in common: a row that names an address becomes an account and a membership."""
from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group as AuthGroup
from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts import policy
from accounts.actor import Actor
from accounts.addresses import SERVICE_DOMAIN, address_key, clean_address
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models import Account, GroupMembership, Membership
from accounts.models.organization import OrganizationStatus
from accounts.powers.forms import FARTHEST
from accounts.powers.grants import AccountAuthGroup, grantable, still
from accounts.profile import aside, asking
from accounts.roles import OWNER_RANK
from accounts.schedules import acts
from accounts.targets import Row
from accounts.work import Work

INVITATION_LIFETIME = timedelta(days=14)


def names(text: Any) -> list[str]:
    """Names separated by semicolons or commas, without blanks."""
    return [part.strip() for part in str(text or "").replace(",", ";").split(";") if part.strip()]


def group_names(text: Any) -> list[str]:
    """Names of groups separated by semicolons; a semicolon or backslash inside a name is written after a backslash."""
    parts = re.findall(r"(?:[^;\\]|\\.)+", str(text or ""), flags=re.DOTALL)
    return [name for part in parts if (name := re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL).strip())]


def problems(actor: Actor, row: Row, now: datetime) -> Iterable[str]:
    """Why this row cannot become a member of the organization."""
    values = row.values
    try:
        clean_address(str(values.get("email") or ""))
    except ValidationError:
        yield "invalid_value"
        return
    if row.directory.organization.status != OrganizationStatus.ACTIVE:
        yield "organization_ending"
    if row.duplicate:
        yield "duplicate_row"
    role = row.directory.roles.get(str(values.get("role") or "member").casefold())
    if role is None:
        yield "unknown_role"
    elif role.rank >= OWNER_RANK:
        yield "rank"  # ownership is given by two owners, never by an invitation
    else:
        yield from grantable(actor, role)
    if any(name.casefold() not in row.directory.groups for name in group_names(values.get("groups"))):
        yield "unknown_group"
    else:
        joined = [row.directory.groups[name.casefold()] for name in group_names(values.get("groups"))]
        for group in joined:
            if group.role is not None:
                yield from grantable(actor, group.role)  # a group that carries a role gives it, so joining it is granting it
        if actor.scope_groups is not None and (not {g.id for g in joined} <= actor.scope_groups or (row.member is None and not joined)):
            yield "out_of_scope"  # nobody may bring in people whom their own role would not reach
    if len(str(values.get("name") or "")) > 200 or len(str(values.get("title") or "")) > 200 or len(str(values.get("department") or "")) > 200:
        yield "invalid_value"
    try:
        last = ends_on(row)
    except ValueError:
        last = None
        yield "invalid_value"
    if last is not None and not actor.may("manage_access"):
        yield "no_permission"
    elif last is not None and last < now.astimezone(ZoneInfo(row.directory.organization.time_zone)).date():
        yield "day_over"
    elif last is not None and last > now.date() + FARTHEST:
        yield "invalid_value"
    if address_key(str(values["email"])).endswith(("@" + SERVICE_DOMAIN, "@" + RELEASED_DOMAIN)):
        yield "address_unavailable"  # a service account belongs to one organization and joins no other; what was given up is no mailbox
    elif row.account is not None and (row.account.refuses_invitations or row.account.reported_at is not None) and row.member is None:
        yield "invitation_refused"
    if (row.account is not None and row.account.status in {"purged", "pending_deletion"}) or (row.account is None and row.closed_until is not None and row.closed_until > now):
        yield "address_unavailable"
    yield from _against(row)


def inviter_over(membership: Membership, now: datetime) -> bool:
    """Whether the access of whoever issued this invitation has come to its end: nothing they began goes on after it. Needs the scope."""
    rows = Membership.objects.filter(id=membership.invited_by, organization_id=membership.organization_id)
    return rows.filter(Q(access_ends_at__lte=now) | Q(account__access_ends_at__lte=now)).exists()


def _expires(work: Work, row: Row) -> datetime:
    """After two weeks, and never later than the access of whoever invites."""
    ends, inviter = row.directory.ends, work.actor_membership
    if inviter is not None and inviter not in ends:
        found = Membership.objects.filter(id=inviter).values_list("access_ends_at", "account__access_ends_at").first() or ()
        ends[inviter] = min((t for t in found if t is not None), default=None)
    return min(t for t in (work.now + INVITATION_LIFETIME, ends.get(inviter) if inviter else None) if t is not None)


def ends_on(row: Row) -> date | None:
    """The last day of the contract that the row names; ValueError where it is no day."""
    written = str(row.values.get("contract_ends_on") or "")
    return date.fromisoformat(written) if written else None


def _against(row: Row) -> Iterator[str]:
    """Why the line may not set its title or department: the person contests the field, or had that value corrected. Also of somebody who was here before and is invited anew."""
    now = row.member.membership if row.member else None
    new = {name: value for name in ("title", "department") if now is not None and (value := str(row.values.get(name) or "")) not in {"", getattr(now, name)}}
    if any(name in row.contested for name in new):
        yield "field_contested"
    if any(aside.restricted(now, name) for name in new):
        yield "part_restricted"
    if any(asking.alike(value) in map(asking.alike, row.corrected.get(name, ())) for name, value in new.items()):
        yield "corrected_before"


def _contract(work: Work, row: Row, membership: Membership) -> None:
    """From the beginning it is known when the contract ends. Of somebody who was here before, an earlier end is over."""
    last, membership.contract_ends_on, membership.access_ends_at = ends_on(row), None, None
    if last is not None:
        numbers = row.directory.numbers = row.directory.numbers or policy.of(membership.organization_id)
        plan = acts.put_contract(work, membership, ends_on=last, ahead=numbers.reminders)
        membership.contract_ends_on, membership.access_ends_at = last, plan.due_at


def invite_row(work: Work, row: Row, data: Any) -> None:
    """Write the account (if the address is new) and an invited membership."""
    values, organization = row.values, row.directory.organization
    role = row.directory.roles[str(values.get("role") or "member").casefold()]
    joined = [row.directory.groups[name.casefold()] for name in group_names(values.get("groups"))]
    for held in [*(group for group in joined if group.role_id is not None), *([] if role.builtin else [role])]:
        still(held)
    account = row.account
    if account is None:
        address = clean_address(str(values["email"]))
        account = Account(id=uuid.uuid4(), email=address, email_key=address_key(address), name=str(values.get("name") or ""),
                          password=make_password(None), created_at=work.now)
        work.add(account)
    if row.member is not None and row.member.membership is not None:
        membership = row.member.membership
        membership.status, membership.role, membership.access_epoch = "invited", role, membership.access_epoch + 1
    else:
        membership = Membership(id=uuid.uuid4(), organization=organization, account=account, role=role, created_at=work.now)
        work.add(membership)
    membership.title, membership.department = str(values.get("title") or ""), str(values.get("department") or "")
    membership.invited_by, membership.invited_at = work.actor_membership, work.now
    membership.invitation_expires_at = _expires(work, row)
    membership.reason_text = str(data.get("message") or "")
    _contract(work, row, membership)
    work.add(AccountAuthGroup(account=account, group=AuthGroup(id=role.auth_group_id)))
    for group in joined:
        work.add(GroupMembership(organization=organization, group=group, membership=membership))
    row.values |= {"_account": account.id, "_membership": membership.id}
