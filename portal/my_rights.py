"""The person's rights as they stand: for each one who decides, by when, and where it has got to (policy B1 to B14)."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import own_deletion, tenancy
from accounts.models import Account, Management, Membership, Organization
from accounts.people import load_self
from accounts.services import ways
from dsar.cases import words
from dsar.cases.models import Action, Case, Outcome, Right
from dsar.clock.days import Seat
from dsar.clock.reckoning import Event, clock
from dsar.clock.regimes import applicable
from dsar.models import Copy, CopyState
from portal.standing import Standing


@dataclass(frozen=True)
class Card:
    """One right: what it does, who decides, by when, how it stands, and where to go."""

    key: str
    title: str
    does: str
    decides: str
    by_when: str
    url: str
    button: str
    steps: tuple[tuple[str, str], ...] = ()
    """What is under way: words, and the page on which it can be followed."""


@dataclass(frozen=True)
class Place:
    """One organization of the person: by when it has to answer what is asked today, and which laws say so."""

    organization: Organization
    due: date
    regimes: tuple[str, ...]


@dataclass(frozen=True)
class Connected:
    """A service of an organization that the person's account opens."""

    organization: Organization
    name: str
    state: str
    """How far it opens: `full`, `read_only` or `off`; `rests` while the access to the organization is suspended, `stopped` while nobody gets in."""
    since: datetime


def places(members: Iterable[Membership], management: Management | None, *, now: datetime) -> list[Place]:
    """Every organization that the person is or was in, with the date of an answer to a request made now."""
    return [_place(row.organization, management is not None and management.organization_id == row.organization_id, now) for row in members if row.status != "invited"]


def _place(organization: Organization, managed: bool, now: datetime) -> Place:
    regimes = applicable(seat=settings.SEAT_COUNTRY, employee=managed)
    seat = Seat(country=settings.SEAT_COUNTRY[:2], region=settings.SEAT_COUNTRY[3:], zone=organization.time_zone)
    day = clock([Event("received", now)], under=regimes, right=Right.CORRECT.value, seat=seat).earliest("statutory_due")
    assert day is not None
    return Place(organization, day[0], tuple(regimes))


def complaints(found: Iterable[Place]) -> list[str]:
    """Where the person can complain, each place once."""
    return words.complain(list(dict.fromkeys(key for place in found for key in place.regimes)))


def connected(members: Iterable[Membership]) -> list[Connected]:
    """The services that these memberships of one person open, by organization and name."""
    rows = {row.id: row for row in members if row.status not in {"invited", "removed"}}
    with tenancy.installation("what a person's own account opens"):
        return [Connected(rows[way.membership].organization, way.name, _opens(rows[way.membership], way), way.since) for way in ways.of(rows)]  # type: ignore[index, arg-type]


def _opens(membership: Membership, way: ways.Way) -> str:
    return "rests" if membership.status == "suspended" else "stopped" if way.state == "suspended" else way.level or "off"


def cards(account: Account, found: list[Place], *, resting: Standing, now: datetime) -> list[Card]:
    """One card for each right, in the order in which people look for them."""
    person, = load_self(account_id=account.id, lock=False)
    own_deletion.alone([person])
    manager = person.management.organization.name if person.management is not None else ""
    alone = bool(person.extra["alone"])
    you, they = _("You alone. Nobody has to agree."), _("The organization that you ask.")
    theirs = you if alone else _("%(organization)s, which manages your account.") % {"organization": manager}
    answer, at_once = _answer(found), _("At once.")

    def ask(right: str) -> str:
        return f"{reverse('me-requests')}?right={right}"

    under_way = _under_way(account.id)
    for key, more in (("access", _copies(account.id, now)), ("restrict", tuple((said, reverse("me-restriction")) for said in resting.shortly))):
        under_way[key] = (*more, *under_way.get(key, ()))
    told = [
        Card("access", _("Get a copy"), _("Everything that is held about you, to read without a connection, and who looked at it."),
             you, _("Made within minutes. You fetch it here for some days."), reverse("me-copies"), _("Get a copy")),
        Card("portability", _("Take it elsewhere"), _("The same copy holds a folder in formats that other programs read: address card, tables, activity stream."),
             you, _("Made within minutes."), reverse("me-copies"), _("Get the files")),
        Card("correct", _("Correct it"), _("Change what you may change yourself. For the rest, say what is wrong and what would be right."),
             _("You, for what is yours to change; otherwise the organization that you ask."), answer, ask("correct"), _("Ask for a correction")),
        Card("restrict", _("Restrict its use"), _("It stays, but is not used: for example while it is disputed."),
             _("You, for each organization. It may object with a ground that you read."), at_once, reverse("me-restriction"), _("Restrict, or end it") if resting.use else _("Restrict")),
        Card("object", _("Object to a use"), _("Say which use you object to, and why. Objecting to advertising needs no reason."), they, answer, ask("object"), _("Object")),
        Card("withdraw_consent", _("Withdraw a consent"), _("What rests on your consent alone stops. What was done before stays lawful."), you, at_once, reverse("me-communications"), _("Withdraw")),
        Card("opt_out", _("No mail beyond what is needed"), _("Mail that is not about your account, your rights or your safety ends."), you, at_once, reverse("me-communications"), _("Opt out")),
        Card("deactivate", _("Deactivate"), _("A pause: your account is off everywhere, and nothing is deleted."), theirs, at_once if alone else answer, reverse("me-deactivate"), _("Deactivate")),
        Card("erasure", _("Delete"), _("What identifies you is removed for good, but for what a law keeps. You see what, before you decide."),
             theirs, _("Closed at once, deleted after some days in which you can take it back.") if alone else answer, reverse("me-delete"), _("Delete")),
    ]
    return [replace(card, steps=under_way.get(card.key, ())) for card in told]


def _answer(found: list[Place]) -> str:
    """By when what is asked today is answered."""
    if not found:
        return _("You are in no organization that could be asked.")
    day = min(place.due for place in found)
    return _("If you ask today: by %(day)s.") % {"day": date_format(day)}


def _under_way(account_id: UUID) -> dict[str, tuple[tuple[str, str], ...]]:
    """The open requests of the person, by right."""
    with tenancy.installation("a person's own requests"):
        rows = Action.objects.filter(account_id=account_id, outcome=Outcome.OPEN).select_related("case__organization").order_by("case__received_at")
        found: dict[str, tuple[tuple[str, str], ...]] = {}
        for row in rows:
            found[row.right] = (*found.get(row.right, ()), (_step(row.case), reverse("me-request", args=[row.case_id])))
    return found


def _step(case: Case) -> str:
    given = {"reference": case.reference, "organization": case.organization.name, "state": case.get_state_display(), "day": date_format(case.statutory_due) if case.statutory_due else ""}
    if case.statutory_due:
        return _("%(reference)s at %(organization)s: %(state)s. Answer due %(day)s.") % given
    return _("%(reference)s at %(organization)s: %(state)s.") % given


def _copies(account_id: UUID, now: datetime) -> tuple[tuple[str, str], ...]:
    row = Copy.objects.filter(account_id=account_id, organization=None, state__in=(CopyState.ASKED, CopyState.READY)).order_by("-asked_at").first()
    if row is None or (row.state == CopyState.READY and (row.expires_at is None or row.expires_at <= now)):
        return ()
    return ((_("A copy is ready to be fetched.") if row.state == CopyState.READY else _("A copy is being made."), reverse("me-copies")),)
