"""Invite a person into the organization; they become a member when they accept."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import clean_address
from accounts.models import Organization, Role
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.powers.grants import grantable
from accounts.powers.joining import INVITATION_LIFETIME, invite_row, problems
from accounts.roles import BUILTIN, OWNER_RANK
from accounts.targets import Row
from accounts.work import Work


class InviteForm(StrictForm):
    email = forms.CharField(label=gettext_lazy("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False, help_text=gettext_lazy("Optional. The person can change it."))
    role = AnyChoiceField(label=gettext_lazy("Role"), max_length=80, initial="member", required=False, choices=[(r.slug, gettext_lazy(r.name)) for r in reversed(BUILTIN) if r.slug != "owner"])
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    anyway = forms.BooleanField(label=gettext_lazy("Invite them although their account was deleted"), required=False,
                                help_text=gettext_lazy("Needed only for somebody who was deleted before. Nothing that was deleted comes back."))
    private_note = forms.CharField(label=gettext_lazy("Why they are invited again"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
                                   help_text=gettext_lazy("Needed with the box above. Stands in the audit log."))

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The organization's own roles too, as far as the actor could give them. Ownership is never given by an invitation."""
        roles = Role.objects.filter(organization=organization, rank__lt=min(actor.rank, OWNER_RANK)).order_by("rank", "name")
        self.fields["role"].choices = [(r.slug, _(r.name)) for r in roles if not list(grantable(actor, r))]  # type: ignore[attr-defined]

    def clean_email(self) -> str:
        return clean_address(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("anyway") and not (cleaned.get("private_note") or "").strip():
            self.add_error("private_note", _("Say why somebody who was deleted is invited again."))
        if cleaned.get("email"):
            cleaned["rows"] = [{"email": cleaned["email"], "name": cleaned.get("name") or "", "role": cleaned.get("role") or "member"}]
        return cleaned


def rule(actor: Actor, row: Row, data: Data, now: datetime) -> Iterable[str]:
    yield from problems(actor, row, now)
    if row.deleted and not data.get("anyway"):
        yield "deleted_before"
    if row.member is not None and row.member.membership is not None and row.member.membership.status != "removed":
        yield "already_member"


def effects(row: Row, _data: Data, now: datetime) -> list[Effect]:
    until = (now + INVITATION_LIFETIME).strftime("%Y-%m-%d")
    return [Effect("later", "invitation", _("%(address)s gets an invitation that is valid until %(date)s.") % {"address": row.values.get("email", ""), "date": until}),
            Effect("kept", "choice", _("The person decides. They can decline, or refuse invitations for good."))]


def apply(work: Work, row: Row, data: Data) -> None:
    invite_row(work, row, data)
    if row.deleted:
        work.note(row.id, was_deleted=True)


POWER = Power(
    slug="invite", code="people.invite", event="membership.invited", over="row", permission="invite_people", tier=1, form=InviteForm,
    rule=rule, effects=effects, apply=apply, undo="cancel-invitation", ladder=0,
    title=gettext_lazy("Invite a person"), button=gettext_lazy("Send the invitation"),
    does=gettext_lazy("Mails an invitation. The person joins when they accept it."),
    does_not=gettext_lazy("Gives no access before they accept, and no control over their account."),
    sentence=gettext_lazy("%(actor)s invited %(target)s"),
)
