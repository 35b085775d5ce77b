"""The register of disclosures: record what somebody asks for, decide, correct, keep silent for longer, tell (policy D3)."""
from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import Membership
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.cases import evidence
from dsar.powers.disclosure_forms import AnswerForm, AskedForm, CorrectForm, EvidenceForm, ExtendForm, RecordForm, TellForm, as_day
from dsar.registers import disclosures
from dsar.registers.models import Disclosure, DisclosureFile, Outcome, Reach, Step

MOST_FILES = 10
_DAYS = frozenset({"received_on", "from_day", "to_day"})


def chosen(actor: Actor, target: OrganizationTarget, data: Data) -> Disclosure | None:
    """The entry that is meant, if whoever acts may see it."""
    word = str(data.get("disclosure") or "")
    return disclosures.found(target.id, word, reader=actor.account_id) if word else None


def entry_rule(actor: Actor, target: OrganizationTarget, data: Data) -> Iterable[str]:
    """What every act on an entry needs."""
    yield from choosing.unreached(actor)
    row = chosen(actor, target, data)
    if row is None:
        if data.get("disclosure"):
            yield "unknown_disclosure"
    elif row.reach == Reach.PEOPLE and actor.account_id in row.people:
        yield "about_yourself"


def _loaded(work: Work, target: OrganizationTarget, data: Data) -> Disclosure:
    """The last line of the entry. The organization is locked, so nobody writes another one meanwhile."""
    row = disclosures.found(target.id, str(data["disclosure"]), reader=None)
    if row is None:
        raise Stale
    work.note(target.id, disclosure=str(row.entry), reference=row.reference)
    return row


def _put(work: Work, target: OrganizationTarget, line: Disclosure, *, tell: bool) -> None:
    """Write the line; and where it says that people are told, begin to tell them."""
    work.add(line)
    if tell:
        told = disclosures.further(line, Step.TOLD, now=work.now, by=work.actor_membership, told_at=work.now) if line.step != Step.TOLD and line.told_at is None else line
        if told is not line:
            work.add(told)
        begun = disclosures.round_of(told, work.now)
        work.add(begun)
        work.note(target.id, round=str(begun.id))


# Record


def _people(target: OrganizationTarget, data: Data) -> tuple[list[UUID], list[str]]:
    return disclosures.accounts(target.id, str(data.get("people") or "").split("\n")) if data.get("people") else ([], [])


def people_rule(actor: Actor, target: OrganizationTarget, data: Data) -> Iterable[str]:
    if data.get("reach") == Reach.PEOPLE:
        known, unknown = _people(target, data)
        if unknown:
            yield "unknown_people"
        if actor.account_id in known:
            yield "about_yourself"


def record_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    yield from people_rule(actor, target, data)


def record_effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("kept", "lines", _("What you write stays. A correction stands beside it and takes nothing away."))]
    if until := as_day(data.get("secret_until")):
        found.append(Effect("later", f"secret:{until}", _("The people concerned are told on the day after %(day)s, by mail and on their own page, and not before.") % {"day": date_format(until)}))
    else:
        found.append(Effect("later", "told", _("The people concerned are told by mail, and on their own page, when it is decided.")))
    return found


def asked(target: OrganizationTarget, data: Data, row: Disclosure | None = None) -> dict[str, Any]:
    """What the form says about the request, as a line keeps it. Of a correction: what it says anew."""
    clears = {"their_reference", "from_day", "to_day"} if row else set()
    found = {name: as_day(data[name]) if name in _DAYS else data[name] for name in AskedForm.base_fields if name in data and name not in {"people", "concerned"}}
    found = {name: value for name, value in found.items() if row is None or value or name in clears}
    if data.get("categories"):
        found["categories"] = list(data["categories"])
    reach = found.get("reach") or (row.reach if row else "")
    if reach == Reach.PEOPLE and data.get("people"):
        found["people"], _unknown = _people(target, data)
        found["concerned"] = len(found["people"])
    elif reach == Reach.EVERYONE:
        found["people"], found["concerned"] = [], Membership.objects.filter(organization_id=target.id, status__in=("active", "restricted", "suspended"), account__kind="person").count()
    elif reach == Reach.NUMBER:
        found["people"], found["concerned"] = [], int(data.get("concerned") or (row.concerned if row else 1))
    return found


def record(work: Work, target: OrganizationTarget, data: Data) -> None:
    values = asked(target, data)
    line = Disclosure(id=uuid.uuid4(), organization_id=target.id, entry=uuid.uuid4(), number=1, step=Step.RECORDED, reference=disclosures.reference(), at=work.now, by=work.actor_membership,
                      secret_until=as_day(data.get("secret_until")), secret_basis=str(data.get("secret_basis") or ""), **{"their_reference": "", **values})
    work.add(line)
    work.note(target.id, disclosure=str(line.entry), reference=line.reference, kind=line.kind, country=line.country, basis=line.basis, reach=line.reach, secret=line.secret_until is not None)


# Decide


def answer_tier(actor: Actor, target: OrganizationTarget, data: Data) -> int:
    """Giving something about people takes two."""
    row = chosen(actor, target, data)
    return 3 if row is not None and data.get("outcome") in {Outcome.GIVEN, Outcome.PARTLY} and disclosures.tellable(row) else 2


def answer_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from entry_rule(actor, target, data)
    row = chosen(actor, target, data)
    if row is not None and row.outcome != Outcome.OPEN:
        yield "answered_already"
    if row is not None and (on := as_day(data.get("answered_on"))) and on < row.received_on:
        yield "before_received"


def answer_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    row = disclosures.found(target.id, str(data.get("disclosure") or ""), reader=None) if data.get("disclosure") else None
    if row is None:
        return []
    if not disclosures.tellable(row):
        return [Effect("kept", "nobody", _("The request names nobody, so nobody is told."))]
    if not disclosures.may_be_told(row, disclosures.today(target.organization, now)):
        return [Effect("kept", "secret", _("The people concerned are not told: it is forbidden until %(day)s.") % {"day": date_format(row.secret_until)})]
    return [] if row.told_at else [_telling(row)]


def _telling(row: Disclosure) -> Effect:
    return Effect("later", "told", ngettext("%(n)d person is told by mail, and on their own page.", "%(n)d people are told by mail, and on their own pages.",
        row.concerned) % {"n": row.concerned}, row.concerned)


def answer(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _loaded(work, target, data)
    if row.outcome != Outcome.OPEN:
        raise Stale
    day = disclosures.today(target.organization, work.now)
    line = disclosures.further(row, Step.ANSWERED, now=work.now, by=work.actor_membership, outcome=str(data["outcome"]), given=list(data.get("given") or []), records=data.get("records"),
                               refusal=str(data.get("refusal") or ""), answered_on=as_day(data.get("answered_on")) or day)
    work.note(target.id, outcome=line.outcome, records=line.records, refusal=line.refusal)
    _put(work, target, line, tell=disclosures.to_be_told(line, day) or line.told_at is not None)


# Correct


def correct_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from entry_rule(actor, target, data)
    yield from people_rule(actor, target, data)
    row = chosen(actor, target, data)
    if row is None or not data.get("words"):
        return
    changes = _changes(target, row, data)
    if not changes:
        yield "nothing_to_change"
    if row.told_at and (changes.get("reach", row.reach) != row.reach or set(row.people) - set(changes.get("people", row.people))):
        yield "people_were_told"
    if changes.get("reach") == Reach.PEOPLE and not changes.get("people"):
        yield "unknown_people"
    first, last = changes.get("from_day", row.from_day), changes.get("to_day", row.to_day)
    if first and last and last < first:
        yield "days_reversed"
    if changes.get("received_on", row.received_on) > (row.answered_on or changes.get("received_on", row.received_on)):
        yield "before_received"


def _changes(target: OrganizationTarget, row: Disclosure, data: Data) -> dict[str, Any]:
    found = asked(target, data, row)
    if data.get("records") is not None and row.outcome in {Outcome.GIVEN, Outcome.PARTLY}:
        found["records"] = int(data["records"])
    return {name: value for name, value in found.items() if value != getattr(row, name)}


def correct_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = disclosures.found(target.id, str(data.get("disclosure") or ""), reader=None) if data.get("disclosure") else None
    found = [Effect("kept", "before", _("What stood there before stays, and can be read beside the correction."))]
    return [*found, *([Effect("later", "told", _("Those who were told before are told of the correction."))] if row is not None and row.told_at and disclosures.tellable(row) else [])]


def correct(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _loaded(work, target, data)
    changes = _changes(target, row, data)
    line = disclosures.further(row, Step.CORRECTED, now=work.now, by=work.actor_membership, words=str(data["words"]), **changes)
    work.note(target.id, changed=sorted(changes))
    _put(work, target, line, tell=row.told_at is not None and disclosures.tellable(line))


# Keep silent for longer, and tell


def extend_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from entry_rule(actor, target, data)
    row, until = chosen(actor, target, data), as_day(data.get("secret_until"))
    if row is not None and row.told_at is not None:
        yield "told_already"
    elif row is not None and until and row.secret_until is not None and until <= row.secret_until:
        yield "not_longer"


def extend_effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    until = as_day(data.get("secret_until"))
    return [Effect("later", f"secret:{until}", _("The people concerned are told on the day after %(day)s, and not before.") % {"day": date_format(until)})] if until else []


def extend(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _loaded(work, target, data)
    if row.told_at is not None:
        raise Stale
    until = as_day(data["secret_until"])
    work.add(disclosures.further(row, Step.EXTENDED, now=work.now, by=work.actor_membership, secret_until=until, secret_basis=str(data["secret_basis"])))
    work.note(target.id, until=str(until))


def tell_tier(actor: Actor, target: OrganizationTarget, data: Data) -> int:
    return 3 if data.get("lifted") else 2


def tell_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from entry_rule(actor, target, data)
    row = chosen(actor, target, data)
    if row is None:
        return
    if row.told_at is not None:
        yield "told_already"
    elif not disclosures.tellable(row):
        yield "names_nobody"
    elif not data.get("lifted") and not disclosures.may_be_told(row, disclosures.today(target.organization, now)):
        yield "may_not_be_told"


def tell_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = disclosures.found(target.id, str(data.get("disclosure") or ""), reader=None) if data.get("disclosure") else None
    return [_telling(row)] if row is not None and disclosures.tellable(row) else []


def tell(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _loaded(work, target, data)
    if row.told_at is not None:
        raise Stale
    changes: dict[str, Any] = {"secret_until": None} if data.get("lifted") else {}
    line = disclosures.further(row, Step.TOLD, now=work.now, by=work.actor_membership, told_at=work.now, words=str(data.get("words") or ""), **changes)
    work.note(target.id, lifted=bool(data.get("lifted")))
    _put(work, target, line, tell=True)


# Evidence


def evidence_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from entry_rule(actor, target, data)
    row = chosen(actor, target, data)
    if row is not None and DisclosureFile.objects.filter(organization_id=target.id, entry=row.entry).count() >= MOST_FILES:
        yield "too_much_added"


def add_evidence(work: Work, target: OrganizationTarget, data: Data) -> None:
    row, content = _loaded(work, target, data), evidence.decoded(str(data["file"]))
    kind, number, nonce = evidence.kind_of(content), uuid.uuid4(), os.urandom(12)
    assert kind is not None
    work.add(DisclosureFile(id=number, organization_id=target.id, entry=row.entry, kind=kind, size=len(content), added_at=work.now,
                            sealed=nonce + AESGCM(settings.OUTBOX_KEY).encrypt(nonce, content, number.bytes)))
    work.note(target.id, file=str(number), kind=str(kind), size=len(content))


def opened(row: DisclosureFile) -> bytes:
    data = bytes(row.sealed)
    return AESGCM(settings.OUTBOX_KEY).decrypt(data[:12], data[12:], row.id.bytes)


def _power(slug: str, name: str, event: str, form: Any, rule: Any, effects: Any, apply: Any, tier: int, **more: Any) -> Power:
    return Power(slug=slug, code=f"disclosure.{name}", event=f"disclosure.{event}", over="organization", permission=disclosures.PERMISSION, tier=tier, form=form, rule=rule, effects=effects,
        apply=apply,
                 notice=False, **more)


def _nothing(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "sealed", _("The file lies sealed with the entry and cannot be taken away again."))]


POWERS: tuple[Power, ...] = (
    _power("record-disclosure", "record", "recorded", RecordForm, record_rule, record_effects, record, 1,
           title=gettext_lazy("Record a request for disclosure"), button=gettext_lazy("Write into the register"),
           does=gettext_lazy("Writes into the register that an authority, a court or somebody else asks for data of people."),
           does_not=gettext_lazy("Gives nothing to anybody."), sentence=gettext_lazy("%(actor)s recorded a request for disclosure")),
    _power("answer-disclosure", "answer", "answered", AnswerForm, answer_rule, answer_effects, answer, 2, tier_for=answer_tier,
           title=gettext_lazy("Decide a request for disclosure"), button=gettext_lazy("Record the decision"),
           does=gettext_lazy("Records what was given, or why it was refused. Giving something about people whom the request names takes two."),
           does_not=gettext_lazy("Sends nothing to whoever asked."), sentence=gettext_lazy("%(actor)s recorded the decision about a request for disclosure")),
    _power("correct-disclosure", "correct", "corrected", CorrectForm, correct_rule, correct_effects, correct, 2,
           title=gettext_lazy("Correct an entry of the register of disclosures"), button=gettext_lazy("Write the correction"), does=gettext_lazy("Writes the entry anew, with what was wrong."),
           does_not=gettext_lazy("Removes nothing: what stood there before can still be read."), sentence=gettext_lazy("%(actor)s corrected an entry of the register of disclosures")),
    _power("extend-prohibition", "extend", "prohibition_extended", ExtendForm, extend_rule, extend_effects, extend, 2,
           title=gettext_lazy("Prolong the prohibition to tell"), button=gettext_lazy("Prolong it"), does=gettext_lazy("Says until when the law or an order forbids to tell the people concerned."),
           does_not=gettext_lazy("Does not hide the entry from those who keep the register."), sentence=gettext_lazy("%(actor)s prolonged a prohibition to tell of a disclosure")),
    _power("tell-of-disclosure", "tell", "people_told", TellForm, tell_rule, tell_effects, tell, 2, tier_for=tell_tier,
           title=gettext_lazy("Tell the people concerned of a disclosure"), button=gettext_lazy("Tell them"),
           does=gettext_lazy("Tells the people whom a request is about, by mail and on their own page: also before it is decided, so that they can object."),
           does_not=gettext_lazy("Tells nobody else."), sentence=gettext_lazy("%(actor)s told the people concerned of a disclosure")),
    _power("add-disclosure-evidence", "evidence", "evidence_added", EvidenceForm, evidence_rule, _nothing, add_evidence, 1,
           title=gettext_lazy("Add the letter or order to a disclosure"), button=gettext_lazy("Add the file"), does=gettext_lazy("Keeps the request itself with its entry in the register."),
           does_not=gettext_lazy("Shows it to nobody but those who keep the register."), sentence=gettext_lazy("%(actor)s added evidence to an entry of the register of disclosures")),
)
