"""Create an API token for oneself: never more than one's own permissions, shown once (POWERS section 5)."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import tokens
from accounts.actor import Actor
from accounts.models import ApiToken
from accounts.people import Person
from accounts.permissions import PERMISSIONS
from accounts.power import Data, Effect, Power
from accounts.powers.access import access_ends_at
from accounts.powers.forms import StrictForm
from accounts.powers.joining import names
from accounts.schedules import words
from accounts.work import Work

LONGEST = 365
LONGEST_SENSITIVE = 90


class TokenForm(StrictForm):
    label = forms.CharField(label=gettext_lazy("What it is for"), max_length=100)
    scopes = forms.MultipleChoiceField(label=gettext_lazy("What it may do"), choices=list(PERMISSIONS.items()), widget=forms.CheckboxSelectMultiple,
                                       help_text=gettext_lazy("Only what your own role allows counts, when it is used."))
    days = forms.IntegerField(label=gettext_lazy("Valid for how many days"), min_value=1, max_value=LONGEST, initial=90)
    sensitive = forms.BooleanField(label=gettext_lazy("May do sensitive things (at most 90 days)"), required=False,
                                   help_text=gettext_lazy("Needed for deactivation, removal and other acts that ask you to prove who you are."))
    networks = forms.CharField(label=gettext_lazy("Only from these addresses"), required=False, max_length=500,
                               help_text=gettext_lazy("Optional. Addresses or networks separated by commas, for example 192.0.2.0/24."))

    def clean_networks(self) -> str:
        for name in names(self.cleaned_data["networks"]):
            try:
                ipaddress.ip_network(name, strict=False)
            except ValueError as error:
                raise ValidationError(_("“%(value)s” is not an address or a network.") % {"value": name}, code="network") from error
        return str(self.cleaned_data["networks"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("sensitive") and (cleaned.get("days") or 0) > LONGEST_SENSITIVE:
            self.add_error("days", ValidationError(_("A token for sensitive things is valid for at most 90 days."), code="too_long"))
        return cleaned


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.account.kind == "service" and person.membership is not None:
        yield from _for_service(actor, person, data)
    elif person.account.id != actor.account_id or actor.kind != "user" or set(data.get("scopes") or ()) - actor.permissions:
        yield "token_limits"
    if person.membership is None or person.membership.status != "active":
        yield "wrong_status"


def _for_service(actor: Actor, person: Person, data: Data) -> Iterable[str]:
    """A service account makes no tokens itself: an administrator above it does, within its role and their own permissions."""
    assert person.membership is not None
    if not actor.may("manage_settings"):
        yield "no_permission"
    if actor.kind != "user" or set(data.get("scopes") or ()) - (actor.permissions & set(person.membership.role.permissions)):
        yield "token_limits"
    if actor.rank <= person.rank:
        yield "rank"


def tier_for(_actor: Actor, _person: Person, data: Data) -> int:
    return 2 if data.get("sensitive") else 1


def effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    found = [Effect("later", "shown_once", _("The token is shown once. We keep only its fingerprint."))]
    if (end := access_ends_at(person)) is not None and end < now + timedelta(days=int(data.get("days") or LONGEST)):
        found.append(Effect("later", "capped", _("It is valid until %(when)s only: access ends then.") % {"when": words.at(end)}))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    membership = person.membership
    assert membership is not None
    prefix, secret, digest = tokens.mint()
    row = ApiToken(
        organization_id=membership.organization_id, account=person.account, membership=membership, label=str(data["label"]), prefix=prefix,
        secret_hash=digest, scopes=sorted(data["scopes"]), sensitive=bool(data.get("sensitive")), allowed_networks=names(data.get("networks")),
        auth_epoch=person.account.auth_epoch, access_epoch=membership.access_epoch, created_at=work.now,
        expires_at=min(work.now + timedelta(days=int(data["days"])), access_ends_at(person) or datetime.max.replace(tzinfo=UTC)))
    work.add(row)
    work.note(person.id, token=str(row.id), scopes=row.scopes, sensitive=row.sensitive, _secret=secret)


POWER = Power(
    slug="create-token", code="token.create", event="token.created", over="member", permission=None, tier=1, tier_for=tier_for, form=TokenForm,
    rule=rule, effects=effects, apply=apply, self_allowed=True, rank_rule=False, undo="revoke-token",
    title=gettext_lazy("Create an API token"), button=gettext_lazy("Create the token"),
    does=gettext_lazy("Makes a credential for programs, with your permissions or fewer, for this organization only."),
    does_not=gettext_lazy("Can never do more than you can when it is used; it ends when your access ends."),
    sentence=gettext_lazy("%(actor)s created an API token"),
)
