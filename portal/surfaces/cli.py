"""The command-line surface: the same powers, plans and refusals, for whoever runs the installation."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.http import QueryDict

from accounts import access
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Membership, Organization
from accounts.power import Power
from portal.powers import BY_CODE, BY_SLUG


class BadInput(Exception):
    """One line about what was typed wrong."""


@dataclass(frozen=True)
class Call:
    power: Power
    actor: Actor
    organization: Organization
    ids: list[UUID]
    data: dict[str, Any]


def resolve(*, code: str, org: str, who: str, targets: list[str], settings: list[str]) -> Call:
    """What was typed, as the door understands it; BadInput for what does not exist. Needs installation reach."""
    power = BY_CODE.get(code) or BY_SLUG.get(code)
    if power is None or power.over not in {"member", "row", "organization"}:
        raise BadInput(f"there is no power '{code}' to use here; see: manage.py power --list")
    if targets and power.over != "member":
        raise BadInput(f"{power.code} is not about people; its fields are {', '.join(power.form.base_fields) or 'none'} (give them with --set)")
    organization = Organization.objects.filter(slug=org).first()
    if organization is None:
        raise BadInput(f"there is no organization '{org}'")
    account = Account.objects.filter(email_key=address_key(who)).first()
    if account is None or not Membership.objects.filter(organization=organization, account=account).exists():
        raise BadInput(f"nobody in '{org}' has the address given with --as")
    actor = access.actor_for(account_id=account.id, organization_id=organization.id, via="cli")
    return Call(power=power, actor=replace(actor, tier_granted=2), organization=organization, ids=[_target(organization, t) for t in targets] if power.over == "member" else [],
                data=_data(power, settings))


def _target(organization: Organization, text: str) -> UUID:
    rows = Membership.objects.filter(organization=organization)
    try:
        found = rows.filter(id=UUID(text)).first()
    except ValueError:
        found = rows.filter(account__email_key=address_key(text)).first()
    if found is None:
        raise BadInput(f"nobody in '{organization.slug}' is '{text}'")
    return found.id


def _data(power: Power, settings: list[str]) -> dict[str, Any]:
    data = QueryDict(mutable=True)
    for name, field in power.form.base_fields.items():
        if field.initial is not None:
            data[name] = str(field.initial)
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in power.form.base_fields:
            raise BadInput(f"--set {setting}: the fields of {power.code} are {', '.join(power.form.base_fields) or 'none'}")
        data.appendlist(name, value) if name in {s.partition('=')[0] for s in settings[:settings.index(setting)]} else data.setlist(name, [value])
    form = power.form(data)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise BadInput(f"{name}: {errors[0]}" + ("" if name not in power.form.base_fields else f" (give it with --set {name}=…)"))
    typed = {s.partition("=")[0] for s in settings}
    return {n: v for n, v in form.cleaned_data.items() if n in typed or n not in power.form.base_fields or power.form.base_fields[n].initial is not None or v}
