"""Add a webhook: a program is told what happens, as it happens (Standard Webhooks)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import receivers
from accounts.actor import Actor
from accounts.models import Installation, Organization, Service, Webhook
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, naming, webhooks
from accounts.powers.forms import AnyChoiceField
from accounts.powers.webhooks import MOST, ContentForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit.streams import secrets


class AddForm(ContentForm):
    """Where to, which events, and whose it is."""

    service = AnyChoiceField(label=gettext_lazy("Service"), required=False, max_length=60,
                             help_text=gettext_lazy("Optional. It then gets only what concerns people with access to the service, and ends with it."))
    app = AnyChoiceField(label=gettext_lazy("App"), required=False, max_length=100,
                         help_text=gettext_lazy("Optional. It then gets only what concerns people who allowed the app, and ends with it."))
    field_order = ("name", "url", "families", "events", "service", "app")

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The services and the installed apps."""
        none = [("", gettext_lazy("None"))]
        self.fields["service"].choices = [*none, *((str(i), name) for i, name in Service.objects.filter(organization=organization).order_by("name").values_list("id", "name"))]  # type: ignore[attr-defined]
        rows = Installation.objects.filter(organization=organization).exclude(state="ended").order_by("app__name").values_list("id", "app__name")
        self.fields["app"].choices = [*none, *((str(i), name) for i, name in rows)]  # type: ignore[attr-defined]


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    rows = Webhook.objects.filter(organization=target.organization)
    if rows.count() >= MOST:
        yield "too_many_webhooks"
    if any(naming.key(str(data.get("name") or "")) == naming.key(name) for name in rows.values_list("name", flat=True)):
        yield "name_taken"
    if data.get("service") and data.get("app"):
        yield "one_of_both"
    if data.get("service") and webhooks.service_of(target, data) is None:
        yield "unknown_service"
    if data.get("app") and webhooks.app_of(target, data) is None:
        yield "unknown_installed_app"
    yield from webhooks.about_events(actor, webhooks.wanted(data), of_program=bool(data.get("service") or data.get("app")))


def effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "sent", _("What happens from now on is sent as it happens, and again for three days until the receiver takes it.")),
             Effect("kept", "thin", _("A message says what happened, when, and to what, by number. It holds no names and no addresses.")),
             Effect("later", "shown_once", _("The secret that the receiver checks signatures with is shown once."))]
    if data.get("service") or data.get("app"):
        found.append(Effect("kept", "pairwise", _("People are named by the identifier that only this program gets, and only those whom it knows.")))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row_id, secret, url = uuid.uuid4(), secrets.mint(), str(data["url"])
    service, app = webhooks.service_of(target, data), webhooks.app_of(target, data)
    row = Webhook(
        id=row_id, organization=target.organization, service=service, installation=app, name=str(data["name"]), url=url, host=receivers.shown(url), events=webhooks.wanted(data),
        secret=secrets.seal(secret, stream=row_id), public_key=secret.public, created_at=work.now)
    work.add(row)
    work.note(target.id, _made=[row], _secret=secret.text)


POWER = Power(
    slug="add-webhook", code="webhook.add", event="webhook.added", over="organization", permission="manage_apps", tier=2,
    form=AddForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Add a webhook"), button=gettext_lazy("Add the webhook"),
    does=gettext_lazy("Tells a program what happens here, as it happens."),
    does_not=gettext_lazy("Sends no names, addresses or other values of people, and lets the program change nothing."),
    sentence=gettext_lazy("%(actor)s added the webhook “%(target)s”"),
)
