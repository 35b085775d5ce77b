"""The power: a frozen value that says everything about one thing that may be done. And the plan it makes."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol
from uuid import UUID

from django import forms
from django.utils.functional import Promise

from accounts import notice, purposes, reasons
from accounts.actor import Actor
from accounts.directory import rules as directory
from accounts.domains.checks import frozen
from accounts.gathering import Gather, needed, noticed, scheduled
from accounts.people import Person
from accounts.schedules import rules, words
from accounts.work import Work, plain
from audit.canonical import canonical

Over = Literal["member", "row", "organization", "own_account", "token", "session", "role", "group", "service"]
Words = str | Promise
Data = Mapping[str, Any]


class Target(Protocol):
    """What a power acts on: has an id, a kind for the entry, a label for people and a version for digests."""

    @property
    def id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def version(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Effect:
    """One consequence: `lost` now, `kept`, or `later`; or a `fact` to decide by. `code` and `count` are in the digest, `text` is for people."""

    kind: Literal["lost", "kept", "later", "fact"]
    code: str
    text: Words
    count: int = 0


def no_rule(_actor: Actor, _target: Any, _data: Data, _now: datetime) -> Iterable[str]:
    """For powers that have no rule beyond permission, rank and status."""
    return ()


def no_effects(_target: Any, _data: Data, _now: datetime) -> list[Effect]:
    """For powers whose only consequence is the change itself."""
    return []


@dataclass(frozen=True, kw_only=True)
class Power:
    """One thing an administrator, or the person, may do.

    `slug` names URL, module, template, mail and test; `code` is the dotted name of POWERS; `event` what the entry says
    happened. `rule` returns reason codes; `apply` only changes the loaded target and tells `work` what else to write.
    """

    slug: str
    code: str
    event: str
    over: Over
    permission: str | None
    tier: int
    form: type[forms.Form]
    apply: Callable[[Work, Any, Data], None]
    title: Words
    button: Words
    does: Words
    does_not: Words
    sentence: Words
    """What the entry says in plain language, with %(actor)s and %(target)s."""
    rule: Callable[[Actor, Any, Data, datetime], Iterable[str]] = no_rule
    effects: Callable[[Any, Data, datetime], list[Effect]] = no_effects
    tier_for: Callable[[Actor, Any, Data], int] | None = None
    account_power: bool = False
    """Acts on the account itself: only for the organization that manages it."""
    ends_ownership: bool = False
    """May leave the organization without an owner, so the last-owner guard applies."""
    owner_lock: bool = False
    """An owner may use it on an owner without a third person: lockdown, because speed matters; the end of a pause, because the owner is the second person."""
    urgent: bool = False
    """Protects the account or lets it go, so it goes on where other powers over the account rest: while its domain is contested or long unproven."""
    always: bool = False
    """Undoes what was done, or says who holds which office, so no notice has to name it: undoing must always be possible."""
    directory: bool = False
    """What a directory governs where it governs the account: refused locally (guard rail 15). Lockdown never is."""
    notice: bool = True
    gather: tuple[Gather, ...] = ()
    """What rule, effects and apply need beyond the person, fetched for all targets at once into `person.extra`."""
    undo: str = ""
    ladder: int = 1
    """Friction: 0 none, 1 a confirm page, 2 a confirm page with a typed address."""
    bulk: bool = False
    brake: bool = False
    """Does harm to whoever it hits: many at once need a second person, and too many in a day pause whoever does them (guard rail 12)."""
    instead: str = ""
    """The safer alternative offered on the confirm page."""
    standing: bool = False
    """A rule of the organization that acts on people by itself, so the published notice has to name it like an act."""
    people_only: bool = False
    """Makes sense only for somebody who signs in, so never for a service account."""
    self_allowed: bool = False
    rank_rule: bool = True

    @property
    def rests(self) -> bool:
        """Whether it depends on the domain that the management of the account stands on."""
        return self.account_power and not self.urgent

    @property
    def schedulable(self) -> bool:
        """Whether it can be asked for now and happen later; the form says so."""
        return "not_before" in self.form.base_fields

    @property
    def heeds_schedules(self) -> bool:
        """Whether it matters to it what else is scheduled about the person."""
        return self.over == "member" and (self.schedulable or self.slug in rules.ENDS)

    @property
    def governed(self) -> bool:
        """Whether the organization's published notice has to name it before it can be used: a power over people, or a rule that acts on them, that neither undoes nor protects."""
        return (self.over == "member" or self.standing) and self.permission is not None and not self.always and not self.urgent and not self.code.startswith(("own.", "token."))

    @property
    def danger(self) -> bool:
        return self.ladder >= 2


@dataclass(frozen=True)
class Verdict:
    """What would happen to one target."""

    target: Any
    effects: tuple[Effect, ...]
    reasons: tuple[str, ...]
    tier: int = 0

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def reason_texts(self) -> list[str]:
        return [reasons.text(code) for code in self.reasons]


@dataclass(frozen=True)
class Plan:
    """What a power would do, before it does it: a verdict per target, the tier it needs, and a digest of all that."""

    power: Power
    actor: Actor
    data: Data
    verdicts: tuple[Verdict, ...]
    tier: int
    now: datetime = field(compare=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what people agree to: the act, its parameters, each target's version and consequences."""
        return hashlib.sha256(canonical({
            "power": self.power.code, "organization": str(self.actor.organization_id or ""), "data": plain(dict(self.data)),
            "targets": [{"id": str(v.target.id), "version": list(v.target.version), "reasons": list(v.reasons),
                         "effects": [[e.kind, e.code, e.count] for e in v.effects]} for v in self.verdicts],
        })).hexdigest()

    @property
    def blocked(self) -> dict[str, list[str]]:
        return {str(v.target.id): list(v.reasons) for v in self.verdicts if v.reasons}

    @property
    def due_at(self) -> datetime | None:
        """When it is to happen; None for now."""
        return rules.due_at(self.data, self.now) if self.power.schedulable else None

    @property
    def needs_approval(self) -> bool:
        return self.tier >= 3

    @property
    def step_up(self) -> int:
        """The tier that is still missing, 0 when the actor has proved enough."""
        needed = min(self.tier, 2)
        return needed if self.actor.tier(self.now) < needed else 0


def judge(*, power: Power, actor: Actor, targets: list[Any], data: Data, now: datetime, remaining_owners: int | None, consequences: bool = True) -> Plan:
    """Decide for each target. `remaining_owners` is how many usable owners would be left, or None if no owner is among them.

    Without `consequences` only whether it may be done is asked, not what would follow; and for whoever lacks the permission nothing is looked up.
    """
    verdicts, tier = [], power.tier
    if not consequences and not actor.may(power.permission):
        return Plan(power=power, actor=actor, data=data, verdicts=tuple(Verdict(target, (), ("no_permission",), power.tier) for target in targets), tier=power.tier, now=now)
    gathers = (*power.gather, *([frozen] if power.rests else []), *([noticed] if power.governed else []), *([scheduled] if power.heeds_schedules else []))
    needed(gathers, [target for target in targets if isinstance(target, Person)])
    for target in targets:
        codes = list(dict.fromkeys(_codes(power, actor, target, data, now, remaining_owners)))
        needs = max(power.tier, power.tier_for(actor, target, data) if power.tier_for else 0, _owner_tier(power, actor, target))
        effects = () if "use_restricted" in codes or not consequences else tuple(_effects(power, target, data, now))  # what would follow tells what is held
        verdicts.append(Verdict(target=target, effects=effects, reasons=tuple(codes), tier=needs))
        tier = max(tier, needs)
    return Plan(power=power, actor=actor, data=data, verdicts=tuple(verdicts), tier=tier, now=now)


def _effects(power: Power, target: Any, data: Data, now: datetime) -> Iterable[Effect]:
    """What the power says follows. Of what is to happen later, nothing follows now; and an act takes scheduled ones with it."""
    found = power.effects(target, data, now)
    if not power.heeds_schedules or not isinstance(target, Person):
        return found
    due = rules.moment(data.get("not_before")) if power.schedulable else None
    if due is None:
        ended = [row for row in target.extra["scheduled"] if row.power in rules.ENDS.get(power.slug, ())]  # type: ignore[attr-defined]
        return [*found, *(Effect("lost", f"ends_scheduled:{row.power}", words.taken_along(row.power, row.due_at)) for row in ended)]
    later = [Effect("later", "not_before", words.happens_at(due))]
    if target.tokens and power.slug in rules.CLOSES_HERE | rules.CLOSES_ACCOUNT:
        later.append(Effect("later", "outlived", words.outlived(target.tokens), target.tokens))
    return [*later, *(replace(effect, kind="later") if effect.kind == "lost" else effect for effect in found)]


def _codes(power: Power, actor: Actor, target: Any, data: Data, now: datetime, remaining_owners: int | None) -> Iterable[str]:
    if not actor.may(power.permission):
        yield "no_permission"
        return
    if power.brake and actor.paused:
        yield "actor_paused"
    if _stored_only(power, actor, target if isinstance(target, Person) else getattr(target, "member", None)):
        yield "use_restricted"
    if isinstance(target, Person) and target.membership is not None and actor.organization_id is not None:
        if power.governed and power.slug not in notice.on(target.extra["noticed"], now):  # type: ignore[arg-type]
            yield "policy_off"
        yield from _about_person(power, actor, target, remaining_owners)
    if power.directory or power.slug in directory.ASKED:
        yield from directory.refusals(slug=power.slug, account_power=power.directory, actor=actor, target=target, data=data)
    yield from power.rule(actor, target, data, now)
    if power.schedulable and isinstance(target, Person) and rules.due_at(data, now) and any(row.power == power.slug for row in target.extra["scheduled"]):  # type: ignore[attr-defined]
        yield "pending_conflict"


def _stored_only(power: Power, actor: Actor, person: Person | None) -> bool:
    """Whether what is held about the person may only be stored, and this would be another use of it."""
    row = person.membership if person else None
    if row is None or not row.use_restricted or row.account_id == actor.account_id:
        return False
    use = purposes.of_power(power.slug)
    return use not in purposes.ALWAYS and use not in row.use_freed


def _about_person(power: Power, actor: Actor, person: Person, remaining_owners: int | None) -> Iterable[str]:
    assert person.membership is not None
    if actor.account_id == person.account.id and not power.self_allowed:
        yield "self"
    if power.rank_rule and actor.rank <= person.rank and not (actor.rank >= 100 and person.rank >= 100) and not power.self_allowed:
        yield "rank"
    if actor.scope_groups is not None and not actor.scope_groups & person.group_ids:
        yield "out_of_scope"
    if person.membership.protected and actor.kind != "schedule" and actor.membership_id not in person.protectors and not power.self_allowed:
        yield "protected"
    if power.people_only and person.account.kind == "service":
        yield "service_account"
    if power.account_power and not person.managed:
        yield "not_managed"
    if power.rests:
        yield from person.extra["frozen"]  # type: ignore[misc]
    if power.ends_ownership and person.is_owner and remaining_owners == 0:
        yield "last_owner"


def _owner_tier(power: Power, actor: Actor, target: Any) -> int:
    """Owner on owner needs a second owner (T3); lockdown needs only T2, because speed matters.

    What falls due now was decided earlier, by as many people as it needed then.
    """
    if actor.kind != "schedule" and power.rank_rule and not power.self_allowed and isinstance(target, Person) and target.is_owner and actor.account_id != target.account.id:
        return 2 if power.owner_lock else 3
    return 0
