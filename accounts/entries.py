"""What the door writes into the audit log: who, over whom, what changed, why, and by which way."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.actor import Actor
from accounts.models import Account, AddressChange, App, Claim, Domain, Group, Membership, NoticeVersion, Role, Service, SignalStream, SuccessionCase, Webhook
from accounts.people import Person
from accounts.power import Data, Power
from accounts.targets import GroupTarget, RoleTarget, Row, ServiceTarget, SessionTarget, TokenTarget
from accounts.work import Work, change
from audit import INSTALLATION, recording
from audit.models import Export, Stream
from audit.record import ActorRef, Change, EntryDraft, TargetRef, Why


def log_of(actor: Actor) -> UUID:
    """Whose log an act belongs to: the actor's organization; for people acting on themselves the organization that
    manages them, else the installation's own log."""
    return actor.organization_id or actor.managing_organization_id or INSTALLATION


def actor_ref(actor: Actor) -> ActorRef:
    """The actor as an entry names them: ids in the clear, name and address as commitments. Whoever let an app act is the actor, and the app is what they did it with."""
    return ActorRef(
        type="user" if actor.through else actor.kind, id=actor.account_id, role=actor.role, session=actor.session_id, token_id=actor.token_id, through=actor.through,
        auth_method=actor.proof.method, auth_time=actor.proof.at, name=actor.name, email=actor.email)


def target_refs(target: Any) -> list[TargetRef]:
    """The target as an entry names it; a person is named by account, in the role of the membership."""
    if isinstance(target, Person):
        return [TargetRef(type=_whom(target.account), id=target.account.id, label=target.label, subject=target.account.id),
                *([TargetRef(type="membership", id=target.membership.id)] if target.membership else [])]
    if isinstance(target, Row):
        account, membership = target.values["_account"], target.values["_membership"]
        return [TargetRef(type="person", id=account, label=target.label, subject=account), TargetRef(type="membership", id=membership)]
    if isinstance(target, TokenTarget):
        return [TargetRef(type="api_token", id=target.token.id), TargetRef(type=_whom(target.owner.account), id=target.token.account_id, subject=target.token.account_id)]
    if isinstance(target, SessionTarget):
        return [TargetRef(type="session", id=target.session.id), TargetRef(type="person", id=target.session.account_id, subject=target.session.account_id)]
    if isinstance(target, RoleTarget | GroupTarget | ServiceTarget):
        return [TargetRef(type=target.kind, id=target.id, label=target.label)]
    return [TargetRef(type=target.kind, id=target.id)]


def _whom(account: Account) -> str:
    """A service account is nobody: no notice follows from an entry about it."""
    return "service_account" if account.kind == "service" else "person"


def _row_ref(row: Any) -> TargetRef:
    """A row that the act made, or that it is about besides its target, as an entry names it."""
    if isinstance(row, Account):
        return TargetRef(type=_whom(row), id=row.id, label=row.name, subject=row.id)
    if isinstance(row, Membership):
        return TargetRef(type="membership", id=row.id)
    if isinstance(row, Export):
        return TargetRef(type="audit_export", id=row.id)
    if isinstance(row, Stream):
        return TargetRef(type="log_stream", id=row.id, label=row.name)
    if isinstance(row, Webhook):
        return TargetRef(type="webhook", id=row.id, label=row.name)
    if isinstance(row, SignalStream):
        return TargetRef(type="signal_stream", id=row.id, label=row.program)
    if isinstance(row, AddressChange):
        return TargetRef(type="address_change", id=row.id)
    if isinstance(row, Domain):
        return TargetRef(type="domain", id=row.id, label=row.name)
    if isinstance(row, NoticeVersion):
        return TargetRef(type="notice", id=row.id, label=str(row.number))
    if isinstance(row, Claim):
        return TargetRef(type="claim", id=row.id, label=row.domain.name)
    if isinstance(row, SuccessionCase):
        return TargetRef(type="succession", id=row.id)
    if isinstance(row, App):
        return TargetRef(type="app", id=row.id, label=row.name)
    assert isinstance(row, Role | Group | Service)
    return TargetRef(type=row._meta.model_name or "", id=row.id, label=row.name)


def _made(row: Any) -> list[Change]:
    """The fields of a new row."""
    subject = row.id if isinstance(row, Account) else row.account_id if isinstance(row, AddressChange) else None
    return [change(row, f.attname, None, getattr(row, f.attname), subject=subject, op="add") for f in row._meta.concrete_fields
            if row.AUDIT[f.name] in {"public", "pii"} and getattr(row, f.attname) not in (None, "", [])]


Series = tuple[UUID, dict[UUID, int], int]
"""A plan of many targets: its id, each target's number in it, how many there are."""


def subjects(actor: Actor, targets: list[Any]) -> list[UUID]:
    """The people whose keys the entries of this act need: whoever acts and whom it is about."""
    found = [_subject(target) for target in targets if not isinstance(target, Row)]
    return [subject for subject in {actor.account_id, *found} if subject is not None]


def drafts(*, power: Power, actor: Actor, targets: list[Any], work: Work, ended: dict[str, dict[UUID, int]], data: Data,
           now: datetime, stored: UUID | None, approvers: Iterable[UUID], series: Series | None = None) -> list[EntryDraft]:
    """One entry per target, and one in each other organization that has to hear of it. `series` is the plan it is a part of."""
    log, by = log_of(actor), actor_ref(actor)
    found = []
    for number, target in enumerate(targets, start=1):
        noted = work.notes.get(target.id, {})
        facts = {key: value for key, value in noted.items() if not key.startswith("_")}
        found.append(EntryDraft(
            org=log, action=facts.pop("event", power.event), category=power.code.split(".")[0], outcome="success", actor=by,
            targets=[*map(_row_ref, noted.get("_made", ())), *target_refs(target), *map(_row_ref, noted.get("_also", ()))],
            changes=[*_changes(target, work), *(found for row in noted.get("_made", ()) for found in _made(row))],
            why=why(data, noted.get("_about") or _subject(target) or actor.account_id), via=actor.via,
            approved_by=tuple(approvers), plan=stored, ended=_ended(target, ended), facts=facts,
            bulk=(series[0], series[1][target.id], series[2]) if series else (work.act, number, len(targets)) if len(targets) > 1 else None))
    for person, event, facts in work.told:
        found.append(EntryDraft(org=log, action=event, category=power.code.split(".")[0], outcome="success", actor=by, targets=target_refs(person), via=actor.via,
                                approved_by=tuple(approvers), plan=stored, facts=facts))
    for organization_id, event, address, facts in work.answered:
        found.append(EntryDraft(
            org=organization_id, action=event, category=event.split(".")[0], outcome="success", actor=ActorRef(type=actor.kind, id=actor.account_id, auth_method=by.auth_method,
                auth_time=by.auth_time),
            targets=[TargetRef(type="person", id=_subject(targets[0]), label=address, subject=_subject(targets[0]))], via=actor.via, facts=facts))
    for organization_id, event, person, facts in work.across:
        themselves = actor.account_id == person.account.id and actor.organization_id is None
        found.append(EntryDraft(
            org=organization_id, action=event, category=event.split(".")[0], outcome="success",
            actor=ActorRef(type=actor.kind, id=actor.account_id, auth_method=by.auth_method, auth_time=by.auth_time) if themselves else ActorRef(type="organization"),
            targets=[TargetRef(type="person", id=person.account.id, label=person.label, subject=person.account.id)], via=actor.via, facts=facts))
    for organization_id, event, account_id in work.elsewhere:
        found.append(EntryDraft(
            org=organization_id, action=event, category="account", outcome="success", actor=ActorRef(type="organization"),
            targets=[TargetRef(type="person", id=account_id, subject=account_id)], via=actor.via))
    return found


def why(data: Data, subject: UUID | None) -> Why:
    """The ground, the words to the person and the private note, which are three different things (guard rail 18).

    Words are sealed under the key of the person they are about; those about no single person, under the key of whoever wrote them."""
    return Why(reason_code=str(data.get("reason_code") or ""), text=str(data.get("message") or ""),
               private_note=str(data.get("private_note") or ""), subject=subject)


def _subject(target: Any) -> UUID | None:
    if isinstance(target, Person):
        return target.account.id
    if isinstance(target, Row):
        return target.values["_account"]
    return None


def _changes(target: Any, work: Work) -> list[Change]:
    if isinstance(target, Row):
        subject = target.values["_account"]
        rows = [row for row in work.added if row.pk in {target.values["_account"], target.values["_membership"]}]
        made = [change(row, f.attname, None, getattr(row, f.attname), subject=subject, op="add")
                for row in rows for f in row._meta.concrete_fields
                if row.AUDIT[f.name] in {"public", "pii"} and getattr(row, f.attname) not in (None, "", [])]
        known = [row for row in ((target.member.membership, target.member.account) if target.member else (target.account,)) if row is not None]
        return made + [found for row in known for found in work.changes_of(row, subject=subject)]
    rows, subject = [], None
    if isinstance(target, Person):
        rows, subject = [target.membership, target.account, target.management], target.account.id
    elif isinstance(target, TokenTarget):
        rows, subject = [target.token], target.token.account_id
    elif isinstance(target, RoleTarget):
        rows = [target.role]
    elif isinstance(target, GroupTarget):
        rows = [target.group]
    elif isinstance(target, ServiceTarget):
        rows = [target.service]
    elif hasattr(target, "organization"):
        rows = [target.organization]
    lost = work.lost_by(account=target.account.id, membership=target.membership.id if target.membership else None) if isinstance(target, Person) else []
    return [*(found for row in rows if row is not None for found in work.changes_of(row, subject=subject)), *lost]


def _ended(target: Any, ended: dict[str, dict[UUID, int]]) -> dict[str, int]:
    if not isinstance(target, Person):
        return {}
    keys = {"sessions": target.account.id, "tokens": target.membership.id if target.membership else None,
            "invitations": target.membership.id if target.membership else None}
    return {kind: by[keys[kind]] for kind, by in ended.items() if by.get(keys[kind])}


def record_refusal(*, power: Power, actor: Actor, ids: Iterable[UUID], codes: list[str], now: datetime) -> None:
    """A refused attempt, on its own connection, because the act's transaction rolled back (policy D1)."""
    kind = {"token": "api_token", "session": "session", "organization": "organization", "role": "role", "group": "group", "service": "service"}.get(power.over, "membership")
    recording.refuse(EntryDraft(
        org=log_of(actor), action=power.event, category=power.code.split(".")[0], outcome="denied", reason_code=",".join(codes),
        actor=actor_ref(actor), targets=[TargetRef(type=kind, id=i) for i in ids][:100], via=actor.via), now=now)
