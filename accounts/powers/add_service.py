"""Add a service: from now on people can have access to it, and it can sign them in through us."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Service
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, services
from accounts.powers.services import MOST, ServiceForm
from accounts.services import addresses
from accounts.targets import OrganizationTarget
from accounts.work import Work


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if Service.objects.filter(organization_id=target.id).count() >= MOST:
        yield "too_many_services"
    if not data:
        return
    if services.name_taken(organization_id=target.id, name=str(data.get("name") or "")):
        yield "name_taken"
    if data.get("owner") and services.answering(target.id, str(data["owner"])) is None:
        yield "owner_unknown"


def effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "shown_once", _("The secret with which the service signs in is shown once. We keep only its fingerprint.")),
            Effect("kept", "nobody", _("Nobody has access yet. Give it to people, to groups or to everybody."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    name, owner = str(data["name"]), services.answering(target.id, str(data["owner"])) if data.get("owner") else None
    service = Service(
        id=uuid.uuid4(), organization=target.organization, slug=services.free_slug(target.id, name), name=name, description=str(data.get("description") or ""), url=str(data.get("url") or ""),
        answered_by=owner.id if owner else None, categories=sorted(data.get("categories") or ()), created_at=work.now)
    work.add(service)
    client, secret = services.make_client(work, service, redirect_uris=addresses.split(data.get("redirect_uris") or ""), logout_url=str(data.get("logout_url") or ""))
    work.note(target.id, _made=[service], _secret=secret, client_id=client.client_id, redirect_uris=client.redirect_uris.split(), logout_url=client.logout_url)


POWER = Power(
    slug="add-service", code="service.add", event="service.added", over="organization", permission="manage_apps", tier=2, form=ServiceForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Add a service"), button=gettext_lazy("Add the service"),
    does=gettext_lazy("Lets a program of your own sign your people in, and lets you decide who has access to it."),
    does_not=gettext_lazy("Gives nobody access by itself."),
    sentence=gettext_lazy("%(actor)s added the service “%(target)s”"),
)
