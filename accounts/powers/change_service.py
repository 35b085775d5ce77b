"""Change what a service is called, who answers for it, where it is and where it may lead people back to; and give it another secret."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, services
from accounts.powers.forms import NoForm
from accounts.powers.services import ServiceForm
from accounts.services import addresses
from accounts.targets import ServiceTarget
from accounts.work import Work

_PLAIN = ("name", "description", "url")


class ChangeForm(ServiceForm):
    @staticmethod
    def initial_for(target: ServiceTarget) -> dict[str, object]:
        """The service as it is."""
        row, client = target.service, target.client
        return {"name": row.name, "description": row.description, "url": row.url, "owner": services.address_of(row), "categories": row.categories,
                "redirect_uris": "\n".join(client.redirect_uris.split()) if client else "", "logout_url": client.logout_url if client else ""}


def _wanted(target: ServiceTarget, data: Data) -> dict[str, object]:
    """What is asked for and is not so yet, by field. Fields that were not sent are left alone."""
    row, client = target.service, target.client
    found: dict[str, object] = {name: str(data[name] or "") for name in _PLAIN if name in data and str(data[name] or "") != getattr(row, name)}
    if "owner" in data:
        owner = services.answering(row.organization_id, str(data["owner"])) if data["owner"] else None
        if (owner.id if owner else None) != row.answered_by:
            found["answered_by"] = owner.id if owner else None
    if "categories" in data and sorted(data["categories"] or ()) != sorted(row.categories):
        found["categories"] = sorted(data["categories"] or ())
    if "redirect_uris" in data and (uris := addresses.split(data["redirect_uris"] or "")) != (client.redirect_uris.split() if client else []):
        found["redirect_uris"] = uris
    if "logout_url" in data and str(data["logout_url"] or "") != (client.logout_url if client else ""):
        found["logout_url"] = str(data["logout_url"] or "")
    return found


def rule(actor: Actor, target: ServiceTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not data:
        return
    wanted = _wanted(target, data)
    if not wanted:
        yield "nothing_to_change"
    if "name" in wanted and services.name_taken(organization_id=target.service.organization_id, name=str(wanted["name"]), but=target.id):
        yield "name_taken"
    if data.get("owner") and services.answering(target.service.organization_id, str(data["owner"])) is None:
        yield "owner_unknown"


def effects(target: ServiceTarget, data: Data, _now: datetime) -> list[Effect]:
    wanted, found = _wanted(target, data), []
    old = set(target.client.redirect_uris.split()) if target.client else set()
    for uri in sorted(old - set(wanted.get("redirect_uris", old))):  # type: ignore[call-overload]
        found.append(Effect("lost", f"redirect:{uri}", _("People are not led back to %(address)s any more.") % {"address": uri}))
    for uri in sorted(set(wanted.get("redirect_uris", ())) - old):  # type: ignore[call-overload]
        found.append(Effect("kept", f"redirect:{uri}", _("People can be led to %(address)s after signing in.") % {"address": uri}))
    if target.client is None and {"redirect_uris", "logout_url"} & set(wanted):
        found.append(Effect("later", "shown_once", _("The secret with which the service signs in is shown once. We keep only its fingerprint.")))
    return found


def apply(work: Work, target: ServiceTarget, data: Data) -> None:
    wanted, row, client = _wanted(target, data), target.service, target.client
    for name in (*_PLAIN, "answered_by", "categories"):
        if name in wanted:
            setattr(row, name, wanted[name])
    if {"redirect_uris", "logout_url"} & set(wanted):
        uris, logout_url = wanted.get("redirect_uris"), wanted.get("logout_url")
        if client is None:
            client, secret = services.make_client(work, row, redirect_uris=list(uris or ()), logout_url=str(logout_url or ""))  # type: ignore[call-overload]
            work.note(target.id, _secret=secret, client_id=client.client_id)
        elif uris is not None:
            client.redirect_uris = " ".join(uris)  # type: ignore[arg-type]
        if logout_url is not None:
            client.logout_url = str(logout_url)
        work.note(target.id, redirect_uris=client.redirect_uris.split(), logout_url=client.logout_url)
        row.client_changed_at = work.now


def secret_rule(actor: Actor, _target: ServiceTarget, _data: Data, _now: datetime) -> Iterable[str]:
    return choosing.unreached(actor)


def secret_effects(target: ServiceTarget, _data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "shown_once", _("The new secret is shown once. We keep only its fingerprint."))]
    if target.client is not None:
        found.insert(0, Effect("lost", "old_secret", _("The old secret stops working at once. Until the service knows the new one, nobody can sign in to it.")))
        found.append(Effect("kept", "sessions", _("Whoever is signed in to the service stays so.")))
    return found


def renew(work: Work, target: ServiceTarget, _data: Data) -> None:
    from accounts.oauth import clients

    if target.client is None:
        client, secret = services.make_client(work, target.service, redirect_uris=[], logout_url="")
    else:
        client, secret = target.client, clients.new_secret(target.client)
    target.service.client_changed_at = work.now
    work.note(target.id, _secret=secret, client_id=client.client_id)


POWER = Power(
    slug="change-service", code="service.change", event="service.changed", over="service", permission="manage_apps", tier=2, form=ChangeForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Change the service"), button=gettext_lazy("Save"),
    does=gettext_lazy("Changes its name, who answers for it, its addresses and what it says that it holds."),
    does_not=gettext_lazy("Changes nobody’s access."),
    sentence=gettext_lazy("%(actor)s changed the service “%(target)s”"),
)
SECRET = Power(
    slug="new-service-secret", code="service.renew_secret", event="service.secret_renewed", over="service", permission="manage_apps", tier=2, form=NoForm,
    rule=secret_rule, effects=secret_effects, apply=renew, notice=False,
    title=gettext_lazy("Give the service a new secret"), button=gettext_lazy("Make a new secret"),
    does=gettext_lazy("Makes a new secret with which the service signs in. The old one stops at once, because whoever has it must not go on."),
    does_not=gettext_lazy("Signs nobody out."),
    sentence=gettext_lazy("%(actor)s gave the service “%(target)s” a new secret"),
)
