"""Administrators write to all members of their organization. It is an optional communication: whoever switched it off gets nothing (policy B7)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.communications import sending
from accounts.communications.kinds import KINDS
from accounts.models import Announcement
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work

MOST, WITHIN = 3, timedelta(days=1)
"""So many within that time. People who are written to too often switch everything off."""


class AnnouncementForm(StrictForm):
    """What kind, and the words."""

    kind = forms.ChoiceField(label=gettext_lazy("What kind"), choices=[(kind.name, kind.title) for kind in KINDS.values()], initial="announcements",
                             help_text=gettext_lazy("News go to everybody who has not switched them off; tips only to those who switched them on."))
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=150)
    message = forms.CharField(label=gettext_lazy("Text"), max_length=5000, widget=forms.Textarea(attrs={"rows": 12}),
                              help_text=gettext_lazy("Plain text; an empty line begins a new paragraph. Links are shown as they are. The way to switch it off is added by itself."))

    def clean_subject(self) -> str:
        return " ".join(str(self.cleaned_data["subject"]).split())

    def clean_message(self) -> str:
        return str(self.cleaned_data["message"]).replace("\r\n", "\n").replace("\r", "\n").strip()


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    rows = Announcement.objects.filter(organization_id=target.id, sent_at__gt=now - WITHIN)
    if data.get("message") and rows.filter(subject=data.get("subject"), text=data["message"]).exists():
        yield "said_already"
    elif rows.count() >= MOST:
        yield "too_many_announcements"
    if data.get("message") and data.get("kind") and not sending.counts(target.id, str(data["kind"]))[0]:
        yield "nobody_to_tell"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    told, off = sending.counts(target.id, str(data.get("kind") or "announcements"))
    return [Effect("later", "told", ngettext("%(n)d person gets it by mail, and in their notices here.", "%(n)d people get it by mail, and in their notices here.", told) % {"n": told}),
            Effect("kept", "left_out", ngettext("%(n)d person does not want this kind and gets nothing.", "%(n)d people do not want this kind and get nothing.", off) % {"n": off}),
            Effect("kept", "service", _("Mails about accounts, security and rights are not announcements: they always reach people, and are not written here.")),
            Effect("lost", "back", _("What has been sent cannot be taken back."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = Announcement(id=uuid4(), organization_id=target.id, kind=data["kind"], subject=data["subject"], text=data["message"], sent_by=work.actor_membership, sent_at=work.now)
    work.add(row)
    work.note(target.id, announcement=str(row.id), kind=row.kind)


POWER = Power(
    slug="send-announcement", code="announcement.send", event=sending.SENT, over="organization", permission="manage_settings", tier=1,
    form=AnnouncementForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Write to all members"), button=gettext_lazy("Send"),
    does=gettext_lazy("Sends a mail in plain text to all active members who want this kind of mail."),
    does_not=gettext_lazy("Reaches nobody who switched it off, nobody whose data may only be stored, and is no way to give legal notice of anything."),
    sentence=gettext_lazy("%(actor)s wrote to all members"),
)
