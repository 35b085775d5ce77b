"""A program as people see it: what it is called, who provides it, for which organization, and what it asks for in words."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts import access
from accounts.actor import Actor
from accounts.models import Account, App, Membership, OAuthApplication, Organization
from accounts.oauth import sessions
from accounts.oauth.gate import NO_CONSENT
from accounts.oauth.scopes import TO_PERSON
from accounts.reasons import Stale
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft
from portal.organization import Door, _knows_epoch
from portal.views import errors

DOORS = frozenset({"suspended", "password_reset_required", "access_over"})


@dataclass(frozen=True)
class Program:
    client: OAuthApplication
    organization: Organization
    app: App | None
    name: str
    granted: frozenset[str] = field(default_factory=frozenset)
    """What the person allowed it before."""

    @classmethod
    def of(cls, client: OAuthApplication, *, account_id: Any) -> Program:
        with installation("a program names its organization"):
            organization = Organization.objects.get(id=client.organization_id)
            if client.installation_id is None:
                return cls(client, organization, None, client.service.name if client.service is not None else client.name)
            from accounts.catalogue import consent  # known where apps are

            assert client.installation is not None
            app = App.objects.get(id=client.installation.app_id)
            return cls(client, organization, app, app.name, consent.granted(account_id=account_id, installation_id=client.installation_id))


def words(scopes: Iterable[str]) -> list[str]:
    """What these scopes let a program do."""
    return [str(TO_PERSON[name]) for name in scopes if name in TO_PERSON]


def draft(event: str, program: Program, actor: Actor, *, outcome: Any = "success", reason: str = "", **facts: Any) -> EntryDraft:
    """An entry about the person and the program, in the organization's log."""
    who = ActorRef(type="user", id=actor.account_id, role=actor.role, session=actor.session_id, auth_method=actor.proof.method, auth_time=actor.proof.at, name=actor.name, email=actor.email)
    category = "sign_in" if event.startswith("session.") else "app"
    assert actor.account_id is not None
    return EntryDraft(org=program.organization.id, action=event, category=category, outcome=outcome, actor=who, reason_code=reason, via="ui", facts=facts,
                      targets=sessions.targets(program.client, Account.objects.get(id=actor.account_id)))


def refused(request: HttpRequest, program: Program, actor: Actor, standing: access.Standing | None, code: str, *, now: datetime) -> HttpResponse:
    """The person may not use this program now: recorded, and said plainly. Somebody of another organization learns nothing of this one but that it is not theirs."""
    recording.refuse(draft("session.program_signed_in", program, actor, outcome="denied", reason=code), now=now)
    if code in DOORS and standing is not None:
        with installation("the person's own membership"):
            raise Door(code, Membership.objects.select_related("organization").get(id=standing.membership_id))
    known = standing is not None and code not in {"not_a_member", "not_member"}
    return render(request, "oauth/refused.html", {"program": program if known else None, "code": code}, status=403)


def knows(request: HttpRequest, standing: access.Standing) -> bool:
    """Whether this session knows the membership's present epoch: an organization that ended it is not entered by way of a program either."""
    return _knows_epoch(request, str(standing.organization_id), standing.access_epoch)


def still_known(request: HttpRequest, standing: access.Standing) -> None:
    """Whoever was signed out of the organization signs in again first."""
    if not knows(request, standing):
        with installation("the person's own membership"):
            raise Door("sign_in_again", Membership.objects.select_related("organization").get(id=standing.membership_id))


def allow(program: Program, scopes: list[str], *, account_id: Any, now: datetime) -> list[str]:
    """The person allows this app these scopes, beside what they allowed before. Needs an open act. Raises Stale where the organization has taken the app or a scope away since the page was shown."""
    from accounts.catalogue import consent

    assert program.client.installation_id is not None
    most = sessions.allowed(program.client)
    try:
        consent.grant(account_id=account_id, installation_id=program.client.installation_id, scopes=sorted((set(scopes) | program.granted) & most), now=now)
    except ValueError:
        raise Stale from None
    return scopes


def asks(program: Program, scopes: list[str], code: str) -> bool:
    """Whether the person has to be asked: services of the own organization need no consent, apps need one for every scope."""
    return program.app is not None and (code == NO_CONSENT or not set(scopes) <= program.granted)


def bad(request: HttpRequest, text: str) -> HttpResponse:
    """A request that no program of ours makes: nobody is sent anywhere."""
    return errors._page(request, 400, _("This sign-in cannot go on"), text)
