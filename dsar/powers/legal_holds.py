"""Place a legal hold, agree to it, add people, let people go, release it (RIGHTS 3f).

Entries name no person and no ground: a hold must not be found by whoever only reads the log. They name the rows that say whom it keeps, which are never deleted.
"""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import Deletion, Group, Service
from accounts.power import Data, Effect, Power
from accounts.reasons import NotFound
from accounts.targets import OrganizationTarget
from accounts.tenancy import installation
from accounts.work import Work
from audit import holds
from dsar.holds import people
from dsar.holds.models import LegalHold
from dsar.powers.legal_hold_forms import ConfirmForm, LetGoForm, PeopleForm, PlaceForm, ReleaseForm, keys, short
from dsar.powers.matters import number, open_matter

CONFIRMED_WITHIN = timedelta(days=7)


def chosen(organization: UUID, viewer: UUID | None, data: Data) -> LegalHold | None:
    """The hold in force that is meant, if whoever asks may know of it."""
    wanted = number(data.get("hold"))
    return people.visible(organization, viewer).filter(id=wanted, released_at=None).first() if wanted else None


def decided(work: Work, target: OrganizationTarget, data: Data) -> LegalHold:
    """The hold, for everybody who decides: also a second person may not decide about one that they must not know of."""
    row = chosen(target.id, next(iter(work.people), None), data)
    if row is None or any(row.matter_id in people.hidden(target.id, one) for one in work.people):
        raise NotFound
    return row


def _counted(n: int) -> list[Effect]:
    words = ngettext("What your organization has about %(n)d person stays, whoever wants it gone.", "What your organization has about %(n)d people stays, whoever wants it gone.", n)
    return [Effect("kept", "held", words % {"n": n}, n)] if n else []


def _paused(accounts: list[UUID]) -> list[Effect]:
    with installation("which scheduled deletions a hold lets wait, as a number"):
        rows = Deletion.objects.filter(account_id__in=accounts)
        n, began = rows.exclude(state="purging").count(), rows.filter(state="purging").count()
    found = [Effect("kept", "deletions", ngettext("%(n)d scheduled deletion waits.", "%(n)d scheduled deletions wait.", n) % {"n": n}, n)] if n else []
    words = ngettext("%(n)d deletion has begun: what is gone already cannot be held, the rest is.", "%(n)d deletions have begun: what is gone already cannot be held, the rest is.", began)
    return [*found, Effect("lost", "began", words % {"n": began}, began)] if began else found


# Placing


def _everybody(organization: UUID, data: Data) -> tuple[list[UUID], list[str]]:
    """Whom the form means, and the addresses that are nobody's."""
    known, unknown = people.named(organization, keys(data.get("custodians")))
    groups, services = (_ours(organization, data, name, model) for name, model in (("groups", Group), ("services", Service)))
    return list(dict.fromkeys([*known, *people.in_spaces(organization, groups=groups, services=services)])), unknown


def _ours(organization: UUID, data: Data, name: str, model: type[Group] | type[Service]) -> list[UUID]:
    wanted = [found for found in (number(one) for one in data.get(name) or ()) if found]
    return list(model.objects.filter(organization_id=organization, id__in=wanted).values_list("id", flat=True)) if wanted else []


def place_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if not data.get("matter"):
        return
    if open_matter(target.id, actor.account_id, data) is None:
        yield "not_found"
    if any(len(_ours(target.id, data, name, model)) != len(set(data.get(name) or ())) for name, model in (("groups", Group), ("services", Service))):
        yield "not_found"
    everybody, unknown = _everybody(target.id, data)
    if unknown:
        yield "custodian_unknown"
    elif not everybody:
        yield "nobody_held"
    elif len(everybody) > people.MOST:
        yield "too_many"


def place_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    everybody = _everybody(target.id, data)[0]
    told = data.get("disclosure") == "yes"
    return [*_counted(len(everybody)), *_paused(everybody),
            Effect("kept", "told" if told else "untold", _("They are told by mail, and asked to say that they read it.") if told else
                   _("They are not told. Where something they ask for has to wait, they read that there is a legal ground, and no more.")),
            Effect("later", "confirm", _("It holds at once. If no second person agrees within 7 days, it ends.")), Effect("later", "release", _("Then it stays until two people release it."))]


def place(work: Work, target: OrganizationTarget, data: Data) -> None:
    by = next(iter(work.people), None)
    matter = open_matter(target.id, by, data)
    assert matter is not None
    first, last = (_day(data.get(name)) for name in ("first_day", "last_day"))
    row = LegalHold(id=uuid.uuid4(), organization_id=target.id, matter=matter, categories=sorted(data.get("categories") or ()), groups=_ours(target.id, data, "groups", Group),
                    services=_ours(target.id, data, "services", Service), first_day=first, last_day=last, disclosure=str(data.get("disclosure") or "no"), ground=str(data["ground"]),
                    placed_at=work.now, placed_by=by, confirm_by=work.now + CONFIRMED_WITHIN)
    work.add(row)
    placed = holds.place_within(org=target.id, within=row.id, subjects=_everybody(target.id, data)[0], by=by, now=work.now)
    work.note(target.id, hold=str(row.id), matter=str(matter.id), custodies=_named([one.id for one in placed]), people=len(placed), categories=row.categories, disclosure=row.disclosure,
              **{name: str(day) for name, day in (("first_day", first), ("last_day", last)) if day})


def _named(ids: list[UUID]) -> list[str]:
    """The rows that say whom it keeps, as far as an entry has room for them; all of them name the hold."""
    return [str(one) for one in ids[:500]]


def _day(value: object) -> date | None:
    return value if isinstance(value, date) or value is None else date.fromisoformat(str(value)) if value else None


def confirm_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if not data.get("hold"):
        return
    row = chosen(target.id, actor.account_id, data)
    if row is None:
        yield "not_found"
    elif row.confirmed_at is not None:
        yield "confirmed_already"
    elif actor.account_id is None or row.placed_by == actor.account_id:
        yield "not_second"


def confirm(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = decided(work, target, data)
    work.track(row)
    row.confirmed_at, row.confirmed_by = work.now, work.people[0]
    work.note(target.id, hold=str(row.id))


# Its people


def add_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from _people_rule(actor, target, data)


def _people_rule(actor: Actor, target: OrganizationTarget, data: Data, *, going: bool = False) -> Iterable[str]:
    if not data.get("hold"):
        return
    row = chosen(target.id, actor.account_id, data)
    if row is None:
        yield "not_found"
        return
    known, unknown = people.named(target.id, keys(data.get("custodians")))
    held = set(people.custodies(target.id, hold=row.id).values_list("subject", flat=True))
    if not data.get("custodians"):
        return
    if unknown:
        yield "custodian_unknown"
    elif going and not set(known) <= held:
        yield "not_held"
    elif going and set(known) == held:
        yield "last_custodian"
    elif not going and set(known) <= held:
        yield "held_already"
    elif len(known) > people.MOST:
        yield "too_many"


def add_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    known = people.named(target.id, keys(data.get("custodians")))[0]
    return [*_counted(len(known)), *_paused(known)]


def add(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = decided(work, target, data)
    placed = holds.place_within(org=target.id, within=row.id, subjects=people.named(target.id, keys(data.get("custodians")))[0], by=next(iter(work.people), None), now=work.now)
    work.note(target.id, hold=str(row.id), custodies=_named([one.id for one in placed]), people=len(placed))


def let_go_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from _people_rule(actor, target, data, going=True)


def let_go_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    known = people.named(target.id, keys(data.get("custodians")))[0]
    if not known:
        return []
    words = ngettext("This hold keeps %(n)d person no longer.", "This hold keeps %(n)d people no longer.", len(known))
    return [Effect("lost", "people", words % {"n": len(known)}, len(known)), *_resumes(target, data, known)]


def let_go(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = decided(work, target, data)
    gone = holds.release_within(org=target.id, within=row.id, by=work.people, now=work.now, only=people.named(target.id, keys(data["custodians"]))[0])
    work.track(row)
    row.end_ground = f"{row.end_ground}\n{data['ground']}".strip()
    work.note(target.id, hold=str(row.id), people=len(gone))


# The end


def _resumes(target: OrganizationTarget, data: Data, accounts: list[UUID]) -> list[Effect]:
    """What goes on then, and what another hold still keeps."""
    wanted = number(data.get("hold"))
    still = set(people.custodies(target.id).filter(subject__in=accounts).exclude(within=wanted).values_list("subject", flat=True))
    with installation("which deletions wait for a hold, as a number"):
        waits = Deletion.objects.filter(account_id__in=set(accounts) - still).count()
    found = [Effect("kept", "other_holds", ngettext("Another hold still keeps %(n)d of them.", "Other holds still keep %(n)d of them.", len(still)) % {"n": len(still)}, len(still))] if still else []
    if waits:
        words = ngettext("%(n)d deletion that waited goes on. The person is warned three days before.", "%(n)d deletions that waited go on. The people are warned three days before.", waits)
        found.append(Effect("lost", "deletions", words % {"n": waits}, waits))
    return [*found, Effect("later", "removal", _("What is older than it is kept goes with the next removals."))]


def release_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if data.get("hold") and chosen(target.id, actor.account_id, data) is None:
        yield "not_found"


def release_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    wanted = number(data.get("hold"))
    accounts = list(people.custodies(target.id, hold=wanted).values_list("subject", flat=True)) if wanted else []
    found = [Effect("lost", f"hold:{wanted}", ngettext("Hold %(number)s keeps %(n)d person no longer.", "Hold %(number)s keeps %(n)d people no longer.", len(accounts))
                    % {"number": short(wanted), "n": len(accounts)}, len(accounts))] if wanted else []
    return [*found, *_resumes(target, data, accounts), Effect("kept", "record", _("The hold stays recorded, with who released it."))]


def release(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = decided(work, target, data)
    if len(set(work.people)) < 2:
        raise NotFound
    gone = holds.release_within(org=target.id, within=row.id, by=work.people, now=work.now)
    work.track(row)
    row.released_at, row.released_by, row.end_ground = work.now, list(dict.fromkeys(work.people)), f"{row.end_ground}\n{data['ground']}".strip()
    work.note(target.id, hold=str(row.id), matter=str(row.matter_id), people=len(gone))


PLACE = Power(
    slug="place-hold", code="hold.legal_place", event="data.legal_hold.placed", over="organization", permission="manage_holds", tier=2, form=PlaceForm, rule=place_rule,
    effects=place_effects, apply=place, notice=False,
    title=gettext_lazy("Place a legal hold"), button=gettext_lazy("Place the hold"),
    does=gettext_lazy("Keeps what your organization has about certain people for a legal matter, whoever wants it gone."),
    does_not=gettext_lazy("Limits nobody’s access, and shows nobody anything new."),
    sentence=gettext_lazy("%(actor)s placed a legal hold"),
)
CONFIRM = Power(
    slug="confirm-hold", code="hold.legal_confirm", event="data.legal_hold.confirmed", over="organization", permission="manage_holds", tier=2, form=ConfirmForm, rule=confirm_rule, apply=confirm,
    notice=False,
    title=gettext_lazy("Agree to a legal hold"), button=gettext_lazy("Agree"),
    does=gettext_lazy("As a second person, lets a hold stay that somebody else placed."), does_not=gettext_lazy("Changes nothing of what it keeps."),
    sentence=gettext_lazy("%(actor)s agreed to a legal hold"),
)
ADD = Power(
    slug="add-custodians", code="hold.custodian_add", event="data.legal_hold.people_added", over="organization", permission="manage_holds", tier=1, form=PeopleForm, rule=add_rule, effects=add_effects,
    apply=add, notice=False,
    title=gettext_lazy("Add people to a legal hold"), button=gettext_lazy("Add them"),
    does=gettext_lazy("Keeps what your organization has about more people, from now on."), does_not=gettext_lazy("Lets nobody go."),
    sentence=gettext_lazy("%(actor)s added people to a legal hold"),
)
LET_GO = Power(
    slug="release-custodians", code="hold.custodian_release", event="data.legal_hold.people_released", over="organization", permission="manage_holds", tier=3, form=LetGoForm, rule=let_go_rule,
    effects=let_go_effects, apply=let_go, notice=False,
    title=gettext_lazy("Let people go from a legal hold"), button=gettext_lazy("Ask to let them go"),
    does=gettext_lazy("With a second person, ends a hold for some of its people."), does_not=gettext_lazy("Ends no other hold on them."),
    sentence=gettext_lazy("%(actor)s let people go from a legal hold"),
)
RELEASE = Power(
    slug="release-hold", code="hold.legal_release", event="data.legal_hold.released", over="organization", permission="manage_holds", tier=3, form=ReleaseForm, rule=release_rule,
    effects=release_effects, apply=release, notice=False,
    title=gettext_lazy("Release a legal hold"), button=gettext_lazy("Ask to release it"),
    does=gettext_lazy("With a second person, ends a hold: what waited for it goes on."), does_not=gettext_lazy("Ends no other hold, and forgets nothing about this one."),
    sentence=gettext_lazy("%(actor)s released a legal hold"),
)
POWERS: tuple[Power, ...] = (PLACE, CONFIRM, ADD, LET_GO, RELEASE)
