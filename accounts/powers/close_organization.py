"""Delete the organization: two owners decide, everybody is told, any owner takes it back until the end; every managed account is decided about first (guard rail 23)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import policy
from accounts.actor import Actor
from accounts.models import Closing
from accounts.models.organization import OrganizationStatus
from accounts.organizations import ending
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import NoForm, StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work


class CloseForm(StrictForm):
    """The ground that everybody reads, and the address of the organization, typed."""

    ground = forms.CharField(label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy("Everybody in the organization reads it."))
    address = forms.CharField(label=gettext_lazy("The address of the organization"), max_length=50, help_text=gettext_lazy("Type it, so that it is this one and no other."))


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if target.organization.status != OrganizationStatus.ACTIVE:
        yield "wrong_status"
        return
    yield from ending.blockers(target.id)
    if data and str(data.get("address", "")).strip().lower() != target.organization.slug:
        yield "wrong_address"


def effects(target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    days = policy.of(target.id).closing_days
    found = [Effect("later", f"days:{days}", ngettext("It ends after %(n)d day. Until then everything works, and any owner can take it back.",
                                                       "It ends after %(n)d days. Until then everything works, and any owner can take it back.", days) % {"n": days}),
             Effect("lost", "invitations", _("Nobody can be invited any more.")),
             Effect("later", "end", _("At the end all memberships, roles, groups, tokens, domains, log streams and webhooks end.")),
             Effect("kept", "accounts", _("People keep their accounts. Accounts that are scheduled for deletion are deleted on their own date.")),
             Effect("kept", "log", _("The audit log stays for as long as was agreed, and can be verified. Take an export of it before the end."))]
    if owners := ending.managed_owners(target.id):
        found.append(Effect("later", f"owners:{owners}", ngettext("The account of %(n)d owner is released at the end, because nobody else could do it.",
                                                                  "The accounts of %(n)d owners are released at the end, because nobody else could do it.", owners) % {"n": owners}))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    ends = work.now + timedelta(days=policy.of(target.id).closing_days)
    target.organization.status, target.organization.ends_at = OrganizationStatus.PENDING_DELETION, ends
    work.add(Closing(id=uuid.uuid4(), organization_id=target.id, asked_by=work.actor_membership, ground=str(data["ground"]), asked_at=work.now, ends_at=ends))
    work.note(target.id, ends_at=ends.isoformat())


def cancel_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    row = ending.of(target.id)
    if target.organization.status != OrganizationStatus.PENDING_DELETION or row is None or row.began_at is not None:
        yield "wrong_status"


def cancel(work: Work, target: OrganizationTarget, _data: Data) -> None:
    target.organization.status, target.organization.ends_at = OrganizationStatus.ACTIVE, None
    row = ending.of(target.id)
    assert row is not None
    work.remove(row)


DELETE = Power(
    slug="delete-organization", code="organization.delete", event="organization.deletion_scheduled", over="organization", permission="transfer_ownership", tier=3, form=CloseForm,
    rule=rule, effects=effects, apply=apply, notice=False, ladder=2, undo="cancel-organization-deletion",
    title=gettext_lazy("Delete the organization"), button=gettext_lazy("Schedule the deletion"),
    does=gettext_lazy("Ends the organization after some days, with its memberships, roles, groups, tokens and domains."),
    does_not=gettext_lazy("Deletes nobody’s account and nothing of the audit log. Every managed account has to be released or scheduled for deletion first."),
    sentence=gettext_lazy("%(actor)s scheduled the deletion of the organization"),
)
CANCEL = Power(
    slug="cancel-organization-deletion", code="organization.cancel_deletion", event="organization.deletion_cancelled", over="organization", permission="transfer_ownership", tier=2, form=NoForm,
    rule=cancel_rule, apply=cancel, notice=False, always=True,
    title=gettext_lazy("Keep the organization"), button=gettext_lazy("Keep it"),
    does=gettext_lazy("Takes the deletion of the organization back. Everything is as it was."), does_not=gettext_lazy("Brings no account back that was released or deleted meanwhile."),
    sentence=gettext_lazy("%(actor)s took back the deletion of the organization"),
)
