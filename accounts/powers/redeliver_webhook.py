"""Send again through a webhook: one delivery, or what was made since a time; and a test that says nothing of the log."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import WebhookDelivery
from accounts.power import Data, Effect, Power
from accounts.powers import webhooks
from accounts.powers.forms import time_field
from accounts.powers.webhooks import WebhookForm
from accounts.targets import OrganizationTarget
from accounts.webhooks import events
from accounts.work import Work

TESTS = 5


class RedeliverForm(WebhookForm):
    """One delivery, or all since a time."""

    delivery = forms.UUIDField(label=gettext_lazy("Delivery"), required=False, help_text=gettext_lazy("The number of one delivery. Leave it empty to send again what was made since a time."))
    since = time_field(label=gettext_lazy("Since"), required=False, help_text=gettext_lazy("At most 30 days ago; older deliveries are not kept."))
    taken = forms.BooleanField(label=gettext_lazy("Also what the receiver took already"), required=False,
                               help_text=gettext_lazy("It gets them under the same ids, by which it knows repetitions."))
    field_order = ("webhook", "delivery", "since", "taken")

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The delivery whose line was chosen."""
        return {**super().initial_from(query), "delivery": query.get("delivery", "")[:40]}

    def clean_since(self) -> datetime | None:
        since = self.cleaned_data["since"]
        if since is not None and since > timezone.now():
            raise ValidationError(_("Choose a time in the past."), code="future")
        return since

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and bool(cleaned.get("delivery")) == bool(cleaned.get("since")):
            self.add_error("since", ValidationError(_("Give either one delivery or a time."), code="required"))
        return cleaned


def meant(target: OrganizationTarget, data: Data) -> QuerySet[WebhookDelivery]:
    """The deliveries that would be sent again. One that was named is meant whatever became of it."""
    rows = WebhookDelivery.objects.filter(organization=target.organization, webhook=webhooks.chosen(target, data), entry__isnull=False)
    if data.get("delivery"):
        return rows.filter(id=data["delivery"])
    since = data.get("since")
    moment = datetime.fromisoformat(since) if isinstance(since, str) else since
    rows = rows.filter(made_at__gte=moment or timezone.now() + timedelta(days=1))
    return rows if data.get("taken") else rows.exclude(state="done")


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    found = list(webhooks.problems(actor, target, data, "active"))
    yield from found
    if not found and data.get("webhook") and (data.get("delivery") or data.get("since")) and not meant(target, data).exists():
        yield "unknown_delivery" if data.get("delivery") else "nothing_to_redeliver"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    if webhooks.chosen(target, data) is None:
        return []
    n = meant(target, data).count()
    return [Effect("later", "again", ngettext("%(n)d message is sent again, under its old id.", "%(n)d messages are sent again, in the order of the log and under their old ids.", n) % {"n": n}, n)]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = webhooks.loaded(work, target, data)
    row.next_try = None
    work.note(target.id, messages=meant(target, data).update(state="due", attempts=0, next_try=None, done_at=None))


def trial_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from webhooks.problems(actor, target, data)
    row = webhooks.chosen(target, data)
    if row is not None and row.deliveries.filter(entry=None, state="due").count() >= TESTS:
        yield "tests_waiting"


def trial_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "tested", _("The receiver gets one signed message of the type webhook.test. The result appears on the page of the webhook within seconds."))]


def trial_apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = webhooks.loaded(work, target, data)
    work.add(WebhookDelivery(id=uuid.uuid4(), organization=target.organization, webhook=row, action=events.TEST, occurred_at=work.now, made_at=work.now))


REDELIVER = Power(
    slug="redeliver-webhook", code="webhook.redeliver", event="webhook.redelivered", over="organization", permission="manage_apps", tier=1,
    form=RedeliverForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Send again through a webhook"), button=gettext_lazy("Send again"),
    does=gettext_lazy("Sends one message again, or all since a time."), does_not=gettext_lazy("Makes no new ids: a receiver that took a message knows that it comes again."),
    sentence=gettext_lazy("%(actor)s had messages of the webhook “%(target)s” sent again"),
)
TEST = Power(
    slug="test-webhook", code="webhook.test", event="webhook.tested", over="organization", permission="manage_apps", tier=1,
    form=WebhookForm, rule=trial_rule, effects=trial_effects, apply=trial_apply, notice=False,
    title=gettext_lazy("Test a webhook"), button=gettext_lazy("Send a test"),
    does=gettext_lazy("Sends a signed test message, also while the webhook is paused."), does_not=gettext_lazy("Tells nothing of the log."),
    sentence=gettext_lazy("%(actor)s sent a test to the webhook “%(target)s”"),
)
