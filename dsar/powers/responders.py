"""How services and apps are reached with requests of people, and letting one in again that had not answered (RIGHTS 4e)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Installation, Organization, Service
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm, note_field
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.relays import access, messages, pulling
from dsar.relays.models import Responder, Way

PERMISSION = "manage_apps"
_EMPTY = ("", gettext_lazy("Choose one"))


def programs(organization_id: uuid.UUID) -> list[Service | Installation]:
    """The services and the installed apps of an organization, by name."""
    apps = Installation.objects.filter(organization_id=organization_id).exclude(state="ended").select_related("app")
    return sorted([*Service.objects.filter(organization_id=organization_id), *apps], key=lambda one: (name_of(one).casefold(), str(one.id)))


def name_of(program: Service | Installation) -> str:
    return program.name if isinstance(program, Service) else program.app.name


def chosen(organization_id: uuid.UUID, word: str) -> Service | Installation | None:
    """The service or the installation that is meant: by its id, or by the short name of the service or app."""
    return next((one for one in programs(organization_id) if word.strip() in {str(one.id), one.slug if isinstance(one, Service) else one.app.slug}), None) if word else None


def responder(program: Service | Installation | None) -> Responder | None:
    """How the program is reached, as it was set; None where nobody set anything."""
    if program is None:
        return None
    return Responder.objects.filter(service=program).first() if isinstance(program, Service) else Responder.objects.filter(installation=program).first()


class ProgramForm(StrictForm):
    program = AnyChoiceField(label=gettext_lazy("Service or app"), max_length=60)

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"program": query.get("program", "")[:60]}

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        self.fields["program"].choices = [_EMPTY, *[(str(one.id), name_of(one)) for one in programs(organization.id)]]  # type: ignore[attr-defined]


class SetForm(ProgramForm):
    way = forms.ChoiceField(label=gettext_lazy("How it is reached"), choices=[_EMPTY, *Way.choices])
    url = forms.URLField(label=gettext_lazy("Its address for requests"), max_length=500, required=False, assume_scheme="https", help_text=gettext_lazy("Only where we call it, such as https://notes.example.com/requests"))
    public_key = forms.CharField(label=gettext_lazy("Its public key"), max_length=44, required=False,
                                 help_text=gettext_lazy("Only where we call it: the Ed25519 key with which it signs its answers, 32 bytes in base64. Without it no answer could be believed."))
    email = forms.EmailField(label=gettext_lazy("E-mail address of whoever runs it"), max_length=254, required=False,
                             help_text=gettext_lazy("Of a team rather than a person. For requests by mail, and for those that could not be delivered for a week."))
    cycle_days = forms.IntegerField(label=gettext_lazy("Asks us at least every so many days"), min_value=1, max_value=30, required=False, help_text=gettext_lazy("Only where it asks us. Empty: 7."))
    independent = forms.BooleanField(label=gettext_lazy("Whoever runs it answers for the data themselves"), required=False,
                                     help_text=gettext_lazy("Independent controllers are told of a request and decide on their own; processors do what they are told."))

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        super().choices_for(organization, actor)
        program = chosen(organization.id, str(self.initial.get("program") or ""))
        row = responder(program)
        if row is not None:
            self.initial.update({name: getattr(row, name) for name in ("way", "url", "public_key", "email", "cycle_days", "independent")})
        elif isinstance(program, Installation):
            self.initial.update(way=Way.MAIL, url=program.app.requests_url, email=program.app.provider_email)

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if url and not url.startswith("https://") and not (url.startswith("http://") and (settings.OUTBOUND_ALLOW or settings.DEMO_NOTES)):
            raise ValidationError(_("Write an address that begins with https://"), code="scheme")
        return url

    def clean_public_key(self) -> str:
        key = str(self.cleaned_data["public_key"]).strip()
        if key and messages.public_key(key) is None:
            raise ValidationError(_("This is no Ed25519 key: 32 bytes in base64, 44 signs."), code="key")
        return key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        need = {Way.PUSH: ("url", "public_key"), Way.MAIL: ("email",)}.get(cleaned.get("way"), ())
        for name in need:
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, ValidationError(_("This way needs it."), code="required"))
        return cleaned


def _values(data: Data) -> dict[str, Any]:
    return {"way": str(data["way"]), "url": str(data.get("url") or ""), "public_key": str(data.get("public_key") or ""), "email": str(data.get("email") or ""),
            "cycle_days": int(data.get("cycle_days") or 7), "independent": bool(data.get("independent"))}


def set_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not data.get("program"):
        return
    program = chosen(target.id, str(data["program"]))
    if program is None:
        yield "unknown_program"
        return
    row = responder(program)
    if row is not None and data.get("way") and all(getattr(row, name) == value for name, value in _values(data).items()):
        yield "nothing_to_change"


def set_effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    if data.get("way") == Way.NONE:
        return [Effect("kept", "none", _("It is not asked when people ask for their data or its deletion. That is right only where it keeps nothing about people."))]
    return [Effect("later", "asked", _("From now on it is told of copies, deletions, corrections, restrictions and objections that people ask for, by an identifier that no other program knows.")),
            Effect("later", "overdue", _("If it does not answer in time you are warned; %(days)d days later its access rests.") % {"days": settings.RELAY_GRACE_DAYS})]


def set_(work: Work, target: OrganizationTarget, data: Data) -> None:
    program = chosen(target.id, str(data["program"]))
    if program is None:
        raise Stale
    row, values = responder(program), _values(data)
    if row is None:
        row = Responder(id=uuid.uuid4(), organization_id=target.id, **{"service" if isinstance(program, Service) else "installation": program}, **values)
        work.add(row)
    else:
        row = Responder.objects.select_for_update().get(id=row.id)
        work.track(row)
        for name, value in values.items():
            setattr(row, name, value)
    if row.way == Way.PULL:
        row.cycle_from = row.cycle_from or work.now
    else:
        row.token_hash, row.polled_at, row.cycle_from = "", None, None
    work.note(target.id, responder=str(row.id), program=str(program.id), way=row.way, url=row.url, independent=row.independent)


class TokenForm(ProgramForm):
    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        rows = Responder.objects.filter(organization_id=organization.id, way=Way.PULL).select_related("service", "installation__app")
        self.fields["program"].choices = [_EMPTY, *[(str(one.service_id or one.installation_id), one.name) for one in rows]]  # type: ignore[attr-defined]


def token_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("program"):
        row = responder(chosen(target.id, str(data["program"])))
        if row is None:
            yield "unknown_program"
        elif row.way != Way.PULL:
            yield "does_not_ask_us"


def token_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "shown_once", _("The token is shown once. With it the program asks what is to be deleted, and nothing else. An earlier token of it ends at once."))]


def token(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = responder(chosen(target.id, str(data["program"])))
    if row is None:
        raise Stale
    row = Responder.objects.select_for_update().get(id=row.id)
    work.track(row)
    secret, row.token_hash = pulling.mint()
    work.note(target.id, responder=str(row.id), _secret=secret)


class ReleaseForm(ProgramForm):
    private_note = note_field()

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        rows = Responder.objects.filter(organization_id=organization.id).exclude(suspended_at=None).select_related("service", "installation__app")
        self.fields["program"].choices = [_EMPTY, *[(str(one.service_id or one.installation_id), one.name) for one in rows]]  # type: ignore[attr-defined]


def release_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("program"):
        row = responder(chosen(target.id, str(data["program"])))
        if row is None:
            yield "unknown_program"
        elif row.suspended_at is None:
            yield "access_not_suspended"


def release_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = responder(chosen(target.id, str(data.get("program") or "")))
    since = _("Its access has rested since %(day)s.") % {"day": date_format(row.suspended_at)} if row is not None and row.suspended_at else ""
    return [*([Effect("kept", "since", since)] if since else []), Effect("later", "in", _("People can sign in to it again. What it has not answered stays open, and those concerned still read it."))]


def release(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = responder(chosen(target.id, str(data["program"])))
    if row is None or row.suspended_at is None:
        raise Stale
    row = Responder.objects.select_for_update().get(id=row.id)
    work.track(row)
    row.suspended_at, row.released_at = None, work.now
    access.back(row)
    work.note(target.id, responder=str(row.id))


SET = Power(
    slug="set-responder", code="relay.set_responder", event="relay.responder_set", over="organization", permission=PERMISSION, tier=2, form=SetForm, rule=set_rule, effects=set_effects, apply=set_,
    notice=False, people_only=True,
    title=gettext_lazy("Say how a service or app is reached with requests"), button=gettext_lazy("Save"),
    does=gettext_lazy("Says where requests of people about their data go, for a service or an app that keeps some of it."),
    does_not=gettext_lazy("Sends nothing by itself, and tells the program nobody’s name."),
    sentence=gettext_lazy("%(actor)s said how a service or app is reached with requests of people"),
)
TOKEN = Power(
    slug="make-responder-token", code="relay.token", event="relay.token_made", over="organization", permission=PERMISSION, tier=2, form=TokenForm, rule=token_rule, effects=token_effects, apply=token,
    notice=False, people_only=True,
    title=gettext_lazy("Make a token with which a service or app asks for requests"), button=gettext_lazy("Make the token"),
    does=gettext_lazy("Makes the token with which a program asks us what is to be deleted, read anew or left unused."), does_not=gettext_lazy("Opens nothing else, and reads nothing about people."),
    sentence=gettext_lazy("%(actor)s made a token with which a service or app asks for requests of people"),
)
RELEASE = Power(
    slug="release-responder", code="relay.release", event="relay.access_released", over="organization", permission=PERMISSION, tier=2, form=ReleaseForm, rule=release_rule, effects=release_effects,
    apply=release, notice=False, people_only=True,
    title=gettext_lazy("Let a service or app in again that has not answered"), button=gettext_lazy("Let it in again"),
    does=gettext_lazy("Ends the suspension of a service or app that had not answered a request of somebody in time."),
    does_not=gettext_lazy("Closes no request: what was not answered stays open."),
    sentence=gettext_lazy("%(actor)s let a service or app in again that had not answered a request"),
)
POWERS: tuple[Power, ...] = (SET, TOKEN, RELEASE)
