"""Access of a person to one service: given, restricted to reading, taken away (POWERS P2). What groups and everybody have is another matter: the person's own row decides."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.models import Service, ServiceAccess
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import services
from accounts.powers.forms import ReasonForm
from accounts.powers.grants import still
from accounts.powers.roles import shielded
from accounts.powers.services import WhichForm
from accounts.services import ways
from accounts.services.ways import Way
from accounts.work import Work


class LessForm(WhichForm, ReasonForm):
    field_order = ["service", "reason_code", "message", "private_note"]


def organization_services(people: Sequence[Person]) -> None:
    """extra["organization_services"]: the organization's services by id, short name and name, the same dictionary for everybody."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    found = services.by_word(organization_id) if organization_id else {}
    for person in people:
        person.extra["organization_services"] = found


def service_ways(people: Sequence[Person]) -> None:
    """extra["service_ways"]: through what the person has access to which service, by the service's id."""
    found: dict[object, dict[object, Way]] = {}
    for way in ways.of([person.id for person in people]):
        found.setdefault(way.membership, {})[way.service] = way
    for person in people:
        person.extra["service_ways"] = found.get(person.id, {})


def chosen(person: Person, data: Data) -> Service | None:
    """The service that is meant."""
    return services.named(person.extra["organization_services"], data.get("service"))  # type: ignore[arg-type]


def _way(person: Person, service: Service) -> Way | None:
    return person.extra["service_ways"].get(service.id)  # type: ignore[attr-defined, no-any-return]


def _shared(way: Way | None) -> bool:
    """Whether a group or everybody has access, whatever the person's own row says."""
    return way is not None and bool(way.groups or way.everyone)


def _problems(actor: Actor, person: Person, data: Data) -> Iterable[str]:
    """As for a group without a role: oneself, and everybody who does not rank above."""
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"
        return
    if shielded(actor, person) and person.account.id != actor.account_id:
        yield "protected"
    if person.rank > actor.rank:
        yield "rank"
    if data.get("service") and chosen(person, data) is None:
        yield "unknown_service"


def grant_rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    found = list(_problems(actor, person, data))
    yield from found
    if found:
        return
    assert person.membership is not None
    if person.membership.status == "restricted":
        yield "wrong_status"
    service = chosen(person, data)
    way = _way(person, service) if service else None
    if way is not None and way.own == "full":
        yield "nothing_to_change"


def restrict_rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    found = list(_problems(actor, person, data))
    yield from found
    if found:
        return
    assert person.membership is not None
    if person.membership.status == "restricted":
        yield "wrong_status"
    service = chosen(person, data)
    if service is None:
        return
    way = _way(person, service)
    if way is None or way.own == "off":
        yield "no_service_access"
    elif way.own == "read_only" or (not way.own and way.level == "read_only"):
        yield "nothing_to_change"


def take_rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    found = list(_problems(actor, person, data))
    yield from found
    service = chosen(person, data) if not found else None
    if service is None:
        return
    way = _way(person, service)
    if way is None or (way.own == "off" and not _own(person, service).resumes):  # type: ignore[union-attr]
        yield "no_service_access"


def _own(person: Person, service: Service) -> ServiceAccess | None:
    return next((row for row in person.extra["services"] if row.service_id == service.id), None)  # type: ignore[attr-defined]


def _set(work: Work, person: Person, data: Data, state: str) -> None:
    service, membership = chosen(person, data), person.membership
    assert service is not None and membership is not None
    still(service)
    row, way = _own(person, service), _way(person, service)
    before = (row.resumes or row.state) if row else (way.level if way else "")
    if state == "off" and not _shared(way):
        if row is not None:
            work.remove(row)
    elif row is None:
        work.add(ServiceAccess(organization_id=membership.organization_id, membership=membership, service=service, state=state, granted_at=work.now))
    else:
        work.track(row)
        row.state, row.resumes = state, ""
        if state == "full":
            row.granted_at = work.now
    if state != "full":
        work.less_of[service.id].add(person.account.id)
    work.touch(membership)
    work.note(person.id, service=service.name, before=before or "none", after="none" if state == "off" else state, _also=[service])


def grant_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    service = chosen(person, data)
    return [Effect("kept", f"service:{service.id}", _("Has full access to “%(service)s”, whatever their groups have.") % {"service": service.name})] if service else []


def restrict_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    service = chosen(person, data)
    return [Effect("lost", f"service:{service.id}", _("“%(service)s” becomes read-only for them at once, whatever their groups have.") % {"service": service.name})] if service else []


def take_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    service = chosen(person, data)
    if service is None:
        return []
    found = [Effect("lost", f"service:{service.id}", _("Cannot use “%(service)s” any more, at once.") % {"service": service.name})]
    if _shared(_way(person, service)):
        found.append(Effect("later", "exception", _("A group of theirs, or everybody, has access. This person is left out of it until somebody gives it back.")))
    return found


def grant(work: Work, person: Person, data: Data) -> None:
    _set(work, person, data, "full")


def restrict(work: Work, person: Person, data: Data) -> None:
    _set(work, person, data, "read_only")


def take(work: Work, person: Person, data: Data) -> None:
    _set(work, person, data, "off")


_GATHER = (organization_services, service_ways, gathering.services)
GRANT = Power(
    slug="grant-service-access", code="access.service_grant", event="membership.service_granted", over="member", permission="manage_apps", tier=1, form=WhichForm,
    rule=grant_rule, effects=grant_effects, apply=grant, self_allowed=True, rank_rule=False, bulk=True, gather=_GATHER, undo="take-service-access", notice=False, always=True,
    title=gettext_lazy("Give access to a service"), button=gettext_lazy("Give access"),
    does=gettext_lazy("Lets the person use one of the organization’s services."),
    does_not=gettext_lazy("Changes no role, no group and no other service."),
    sentence=gettext_lazy("%(actor)s gave %(target)s access to a service"),
)
RESTRICT = Power(
    slug="restrict-service-access", code="access.service_restrict", event="membership.service_restricted", over="member", permission="manage_apps", tier=1, form=LessForm,
    rule=restrict_rule, effects=restrict_effects, apply=restrict, self_allowed=True, rank_rule=False, bulk=True, gather=_GATHER, undo="grant-service-access",
    title=gettext_lazy("Restrict one service to reading"), button=gettext_lazy("Restrict to reading"),
    does=gettext_lazy("Tells one service that the person may read and not change anything there."),
    does_not=gettext_lazy("Leaves every other service as it is. The service itself has to heed it."),
    sentence=gettext_lazy("%(actor)s restricted %(target)s to reading in a service"),
)
TAKE = Power(
    slug="take-service-access", code="access.service_take", event="membership.service_taken", over="member", permission="manage_apps", tier=1, form=LessForm,
    rule=take_rule, effects=take_effects, apply=take, self_allowed=True, rank_rule=False, bulk=True, gather=_GATHER, undo="grant-service-access",
    title=gettext_lazy("Take access to a service away"), button=gettext_lazy("Take access away"),
    does=gettext_lazy("Ends the person’s access to one of the organization’s services, at once."),
    does_not=gettext_lazy("Leaves every other service, the role and the groups as they are. What the service holds stays there."),
    sentence=gettext_lazy("%(actor)s took the access of %(target)s to a service away"),
)
