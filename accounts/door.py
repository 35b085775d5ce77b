"""The door: `plan` looks, `perform` does, in one transaction with the entry that records it."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts import brake, entries, targets
from accounts.actor import Actor
from accounts.models import IdempotencyKey, Organization
from accounts.models import Plan as StoredPlan
from accounts.models.plan import PlanState
from accounts.people import Person, usable_owners
from accounts.power import Data, Plan, Power, Verdict, judge
from accounts.reasons import KeyReused, NotFound, Refused, Stale, StepUpNeeded
from accounts.schedules import acts, missed
from accounts.targets import Row
from accounts.work import Work, plain
from audit import recording
from audit.canonical import canonical

KEY_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class Receipt:
    """What an act did: its entries, what ended with it, and how to undo it. `secret` is shown once and stored nowhere."""

    power: str
    entries: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    ended: dict[str, int] = field(default_factory=dict)
    at: str = ""
    undo: str = ""
    plan_id: str = ""
    repeated: bool = False
    secret: str = ""
    client_id: str = ""
    """What a program signs in with, beside its secret."""
    due: str = ""
    """When it happens, if it was asked for a later time."""

    def as_json(self) -> dict[str, Any]:
        """The receipt as the API answers it and as the idempotency record keeps it (never with the secret)."""
        return {"power": self.power, "entries": list(self.entries), "targets": list(self.targets), "ended": self.ended,
                "at": self.at, "undo": self.undo, "plan_id": self.plan_id, "due": self.due, **({"client_id": self.client_id} if self.client_id else {})}


def plan(*, power: Power, actor: Actor, ids: Iterable[UUID] = (), data: Data, now: datetime) -> Plan:
    """What the power would do to these targets. Writes nothing; unknown and foreign ids raise NotFound."""
    ids = list(ids)
    found = targets.load(power=power, actor=actor, ids=ids, data=data, lock=False)
    _all_found(power, ids, found)
    return judge(power=power, actor=actor, targets=found, data=data, now=now, remaining_owners=_remaining(power, actor, found, lock=False))


def perform(*, power: Power, actor: Actor, ids: Iterable[UUID] = (), data: Data, now: datetime, digest: str | None = None,
            version: str | None = None, key: str | None = None, partial: bool = False) -> Receipt:
    """Do it, once, completely or not at all.

    `digest` (of a plan) or `version` (an ETag) must still fit, else Stale. `key` makes a repetition answer the first
    receipt. `partial` leaves blocked targets out instead of refusing the whole act. Refused attempts are recorded on
    their own connection, after this transaction has rolled back.
    """
    ids = list(ids)
    try:
        with transaction.atomic():
            return _perform(power, actor, ids, data, now, digest, version, key, None, (), partial)
    except Refused as refusal:
        entries.record_refusal(power=power, actor=actor, ids=ids, codes=refusal.codes, now=now)
        if isinstance(refusal, brake.Braked) and not refusal.paused:
            brake.pause(actor=actor, power=power, now=now)
        raise
    except NotFound:
        entries.record_refusal(power=power, actor=actor, ids=ids, codes=["not_found"], now=now)
        raise
    except StepUpNeeded:
        raise
    except Stale:
        entries.record_refusal(power=power, actor=actor, ids=ids, codes=["stale"], now=now)
        raise


def within(*, power: Power, actor: Actor, ids: Iterable[UUID] = (), data: Data, now: datetime) -> Receipt:
    """`perform` inside a transaction that the caller owns: part of a larger step, such as one batch of a job.

    A refusal is the caller's to record after its rollback.
    """
    return _perform(power, actor, list(ids), data, now, None, None, None, None, (), False)


@dataclass(frozen=True)
class Outcome:
    """What became of one target of a batch: the reasons why not, or the entry that records it."""

    codes: tuple[str, ...] = ()
    entry: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One batch of a stored plan: which targets, as they were when the plan was made, and their places in the whole."""

    plan: UUID
    total: int
    ids: list[UUID]
    numbers: list[int]
    versions: list[str]
    approvers: tuple[UUID, ...] = ()
    agreed: bool = False
    """Whether a second person, or where there is none the time for it, stands behind the plan."""


def batch(*, power: Power, actor: Actor, part: Part, data: Data, now: datetime) -> list[Outcome]:
    """One batch of a plan that was confirmed, inside the caller's transaction: what is still possible is done, the rest says why not.

    Whoever changed since the plan was made is left out as stale. The outcomes are in the order of `part.ids`; for powers over
    rows in the order of `data["rows"]`.
    """
    found = targets.load(power=power, actor=actor, ids=part.ids, data=data, lock=True)
    judged = judge(power=power, actor=actor, targets=found, data=data, now=now, remaining_owners=_remaining(power, actor, found, lock=True))
    wanted = part.ids if power.over == "member" else [target.id for target in found]
    place = dict(zip(wanted, zip(part.numbers, part.versions, strict=True), strict=True))
    reasons = {v.target.id: v.reasons or _moved(v.target, place[v.target.id][1]) for v in judged.verdicts}
    allowed = [v.target for v in judged.verdicts if not reasons[v.target.id]]
    done: dict[UUID, UUID] = {}
    if allowed:
        series = (part.plan, {i: place[i][0] for i in place}, part.total)
        try:
            with transaction.atomic(savepoint=brake.concerns(power=power, actor=actor) and not part.agreed):
                receipt = _apply(judged, allowed, now, part.plan, part.approvers, series=series, agreed=part.agreed)
        except brake.Braked as too_many:
            if not too_many.paused:
                brake.pause(actor=actor, power=power, now=now)
            return [Outcome(codes=tuple(reasons.get(i, ("not_found",))) or ("actor_paused",)) for i in wanted]
        done = {target.id: UUID(entry) for target, entry in zip(allowed, receipt.entries[:len(allowed)], strict=True)}
    return [Outcome(codes=tuple(reasons.get(i, ("not_found",))), entry=done.get(i)) for i in wanted]


def _moved(target: Any, version: str) -> tuple[str, ...]:
    now = "-".join(str(number) for number in target.version)
    return ("stale",) if version and version != now else ()


def approved(*, power: Power, actor: Actor, ids: Iterable[UUID], data: Data, now: datetime, digest: str, stored: UUID, approvers: tuple[UUID, ...]) -> Receipt:
    """`perform` for a plan that was agreed to, inside the transaction of that decision. Nobody is among `approvers` where time or the operator stands for them."""
    return _perform(power, actor, list(ids), data, now, digest, None, None, stored, approvers, False, agreed=True)


def fallen_due(*, power: Power, actor: Actor, plans: Iterable[UUID], people: Iterable[UUID], data: Data, now: datetime, approvers: tuple[UUID, ...]) -> None:
    """Scheduled acts that were asked for together, and whose time has come, inside the caller's transaction.

    Everything is judged again, with the rights that whoever asked has now. What is still possible, and still what was
    agreed, is done; the rest ends and says why. Whatever was taken back, moved or replaced while we waited is left alone.
    """
    found = targets.load(power=power, actor=actor, ids=people, data=data, lock=True)
    rows = {row.subject: row for row in StoredPlan.objects.select_for_update().filter(id__in=list(plans), state=PlanState.SCHEDULED, due_at__lte=now).order_by("id") if row.subject}
    found = [target for target in found if target.id in rows]
    if not found:
        return
    judged = judge(power=power, actor=actor, targets=found, data=data, now=now, remaining_owners=_remaining(power, actor, found, lock=True))
    why = {v.target.id: missed.reasons(power=power, actor=actor, verdict=v, row=rows[v.target.id], approvers=approvers) for v in judged.verdicts}
    allowed = [v.target for v in judged.verdicts if not why[v.target.id]]
    if allowed:
        _apply(judged, allowed, now, rows[allowed[0].id].id if len(allowed) == 1 else None, approvers, agreed=True, fallen=rows)  # the brake counted it when it was asked for
    missed.write(organization_id=found[0].membership.organization_id, happened=[(target, rows[target.id], why[target.id]) for target in found if why[target.id]], now=now)


def _perform(power: Power, actor: Actor, ids: list[UUID], data: Data, now: datetime, digest: str | None, version: str | None,
             key: str | None, stored: UUID | None, approvers: tuple[UUID, ...], partial: bool, *, agreed: bool = False) -> Receipt:
    key = key.replace("\0", "") if key else None  # PostgreSQL takes none in a text
    if key and (earlier := _claim_key(power, actor, ids, data, key, now)) is not None:
        return earlier
    found = targets.load(power=power, actor=actor, ids=ids, data=data, lock=True)
    _all_found(power, ids, found)
    judged = judge(power=power, actor=actor, targets=found, data=data, now=now, remaining_owners=_remaining(power, actor, found, lock=True))
    if judged.blocked and not partial:
        raise Refused(judged.blocked)
    if (digest is not None and digest != judged.digest) or (version is not None and version not in {t.etag for t in found if hasattr(t, "etag")}):
        raise Stale
    if judged.step_up and not agreed:
        raise StepUpNeeded(judged.step_up)
    allowed = [v.target for v in judged.verdicts if v.allowed]
    if not allowed:
        raise Refused(judged.blocked)
    if judged.needs_approval and not agreed:
        receipt = _ask_for_approval(judged, ids, now)
    else:
        receipt = _apply(judged, allowed, now, stored, approvers, agreed=agreed)
    if key:
        IdempotencyKey.objects.filter(actor=actor.key, key=key).update(receipt=receipt.as_json())
    return receipt


def _apply(judged: Plan, allowed: list[Any], now: datetime, stored: UUID | None, approvers: tuple[UUID, ...],
           series: entries.Series | None = None, *, agreed: bool = False, fallen: dict[UUID, StoredPlan] | None = None) -> Receipt:
    power, actor, verdicts = judged.power, judged.actor, {v.target.id: v for v in judged.verdicts}
    with recording.opened(org=entries.log_of(actor), now=now, subjects=entries.subjects(actor, allowed)) as act:
        if brake.concerns(power=power, actor=actor) and not agreed:
            brake.count(actor=actor, ids=[target.id for target in allowed], now=now)
        work = Work(now=now, actor_membership=actor.membership_id, act=act.id, people=(*([actor.account_id] if actor.account_id else []), *approvers))
        for target in allowed:
            for row in _rows_of(target):
                work.track(row)
            _do(work, judged, verdicts[target.id], approvers, fallen)
        ended = work.flush()
        drafts = entries.drafts(power=power, actor=actor, targets=allowed, work=work, ended=ended, data=judged.data, now=now,
                                stored=stored, approvers=approvers, series=series)
        written = act.write(drafts, close=True)
    return Receipt(
        power=power.slug, entries=tuple(str(entry) for entry in written), targets=tuple(str(t.id) for t in allowed),
        ended={kind: sum(by.values()) for kind, by in ended.items() if by}, at=plain(now), undo="cancel-scheduled" if judged.due_at else power.undo, due=plain(judged.due_at) or "",
        secret=str(work.notes.get(allowed[0].id, {}).get("_secret", "")), client_id=str(work.notes.get(allowed[0].id, {}).get("client_id", "")))


def _do(work: Work, judged: Plan, verdict: Verdict, approvers: tuple[UUID, ...], fallen: dict[UUID, StoredPlan] | None) -> None:
    """Do it to one target, or write it down for later; and keep what is scheduled about them in step."""
    power, target = judged.power, verdict.target
    if judged.due_at is not None:
        acts.put(work, judged=judged, verdict=verdict, approvers=approvers)
    else:
        if fallen:
            acts.end(work, target, next(row for row in acts.rows_of(target) if row.id == fallen[target.id].id), PlanState.DONE)
            work.note(target.id, scheduled=str(fallen[target.id].id))
        if power.heeds_schedules:
            acts.supersede(work, target, power.slug)
        power.apply(work, target, judged.data)
    if power.heeds_schedules:
        acts.recap(target)


def _rows_of(target: Any) -> list[Any]:
    if isinstance(target, Person):
        return [target.membership, target.account, target.management]
    if isinstance(target, Row):
        return [target.member.membership, target.member.account] if target.member else [target.account]
    return [getattr(target, name, None) for name in ("organization", "token", "session", "role", "group", "service", "client")]


def _all_found(power: Power, ids: list[UUID], found: list[Any]) -> None:
    if not found or (power.over in {"member", "token", "session", "role", "group", "service"} and {t.id for t in found} != set(ids)):
        raise NotFound


def _remaining(power: Power, actor: Actor, found: list[Any], *, lock: bool) -> int | None:
    """How many owners who can sign in would be left. The organization's row is locked, so two such acts queue."""
    owners = [t for t in found if isinstance(t, Person) and t.is_owner]
    if not (power.ends_ownership and owners and actor.organization_id):
        return None
    if lock:
        Organization.objects.select_for_update().get(id=actor.organization_id)
    return usable_owners(organization_id=actor.organization_id, without=[t.id for t in owners])


def _claim_key(power: Power, actor: Actor, ids: list[UUID], data: Data, key: str, now: datetime) -> Receipt | None:
    """Take the idempotency key, or answer what it answered before. Two at once: the second waits for the first."""
    body = hashlib.sha256(canonical({"power": power.code, "ids": sorted(str(i) for i in ids), "data": plain(dict(data))})).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_idempotencykey WHERE actor = %s AND key = %s AND created_at < %s", [actor.key, key, now - KEY_LIFETIME])
        cursor.execute(
            "INSERT INTO accounts_idempotencykey (actor, key, body_hash, organization_id, created_at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (actor, key) DO NOTHING RETURNING id", [actor.key, key, body, actor.organization_id, now])
        if cursor.fetchone():
            return None
    earlier = IdempotencyKey.objects.get(actor=actor.key, key=key)
    if earlier.body_hash != body or earlier.receipt is None:
        raise KeyReused
    stored = earlier.receipt
    return Receipt(power=stored["power"], entries=tuple(stored["entries"]), targets=tuple(stored["targets"]), ended=stored["ended"],
                   at=stored["at"], undo=stored["undo"], plan_id=stored["plan_id"], due=stored.get("due", ""), client_id=stored.get("client_id", ""), repeated=True)


def _ask_for_approval(judged: Plan, ids: list[UUID], now: datetime) -> Receipt:
    """Store the plan for a second person (tier T3). It holds the digest; if anything moves, it is void."""
    from accounts import approvals

    row = approvals.request(judged=judged, ids=ids, now=now)
    return Receipt(power=judged.power.slug, plan_id=str(row.id), at=plain(now))




def capability(*, power: Power, actor: Actor, person: Person, now: datetime) -> list[str]:
    """May this actor use this power on this person now, and if not, why: reason codes, [] for yes.

    The same rules as `plan`, before anything was typed into the form.
    """
    judged = judge(power=power, actor=actor, targets=[person], data={}, now=now, remaining_owners=_remaining(power, actor, [person], lock=False), consequences=False)
    return list(judged.verdicts[0].reasons)
