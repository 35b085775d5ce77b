"""Create a service account: a member for programs. It belongs to the organization, so nobody's departure ends it."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group as AuthGroup
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import SERVICE_DOMAIN, address_key
from accounts.models import Account, Management, Membership, Organization, Role
from accounts.power import Data, Effect, Power
from accounts.powers import naming
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.powers.grants import AccountAuthGroup, grantable, still
from accounts.roles import SECOND_FACTOR_RANK
from accounts.targets import OrganizationTarget
from accounts.work import Work


class ServiceAccountForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("What it is for"), max_length=100, help_text=gettext_lazy("For example “Payroll sync”. The audit log names it so."))
    role = AnyChoiceField(label=gettext_lazy("Role"), max_length=40, help_text=gettext_lazy("Its tokens can do no more than this role. Ranks below 50 only."))

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The roles that the actor may give to something that has no second factor."""
        rows = Role.objects.filter(organization=organization, rank__lt=min(actor.rank, SECOND_FACTOR_RANK)).order_by("rank", "name")
        self.fields["role"].choices = [(row.slug, _("%(role)s (rank %(rank)d)") % {"role": _(row.name), "rank": row.rank}) for row in rows if not set(row.permissions) - actor.permissions]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"])


def _role(organization_id: UUID, data: Data) -> Role | None:
    return Role.objects.filter(organization_id=organization_id, slug=str(data.get("role") or "")).first()


def _taken(organization_id: UUID, name: str) -> bool:
    names = Membership.objects.filter(organization_id=organization_id, account__kind="service").exclude(status="removed").values_list("account__name", flat=True)
    return naming.key(name) in {naming.key(other) for other in names}


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if not data:
        return
    role = _role(target.id, data)
    if role is None:
        yield "unknown_role"
    else:
        yield from grantable(actor, role)
        if role.rank >= SECOND_FACTOR_RANK:
            yield "service_rank"
    if _taken(target.id, str(data["name"])):
        yield "name_taken"


def effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "organization", _("It belongs to the organization: it goes on working when people leave.")),
            Effect("later", "token", _("It can do nothing until somebody makes a token for it."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    organization, role, account_id = target.organization, _role(target.id, data), uuid.uuid4()
    assert role is not None
    still(role)
    address = f"{account_id}@{SERVICE_DOMAIN}"
    account = Account(id=account_id, kind="service", email=address, email_key=address_key(address), name=str(data["name"]), password=make_password(None), created_at=work.now, refuses_invitations=True)
    membership = Membership(id=uuid.uuid4(), organization=organization, account=account, role=role, status="active", joined_at=work.now, created_at=work.now, invited_by=work.actor_membership)
    work.add(account)
    work.add(membership)
    work.add(Management(organization=organization, account=account, basis="created_by_org", since=work.now))
    work.add(AccountAuthGroup(account=account, group=AuthGroup(id=role.auth_group_id)))
    work.note(target.id, role=role.slug, _made=[account, membership])


POWER = Power(
    slug="create-service-account", code="service_account.create", event="service_account.created", over="organization", permission="manage_settings", tier=2, form=ServiceAccountForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Create a service account"), button=gettext_lazy("Create the service account"),
    does=gettext_lazy("Makes a member for programs, with a role of its own. You make tokens for it, and they end with the account, not with you."),
    does_not=gettext_lazy("It has no password and no mailbox, cannot sign in, and never gets a role of rank 50 or above."),
    sentence=gettext_lazy("%(actor)s created the service account “%(target)s”"),
)
