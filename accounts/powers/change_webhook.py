"""What may be done with a webhook: change it, give it another secret, pause it, let it go on, remove it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import receivers
from accounts.actor import Actor
from accounts.models import Webhook
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, naming, receiving, webhooks
from accounts.powers.webhooks import ContentForm, WebhookForm
from accounts.targets import OrganizationTarget
from accounts.work import Work


class ChangeForm(WebhookForm, ContentForm):
    """What it is to be from now on. Without an address the one that is there stays."""

    field_order = ("webhook", "name", "url", "families", "events")

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["url"].required = False
        self.fields["url"].help_text = gettext_lazy("Leave it empty to keep the address that is there; it is not shown.")

    def choices_for(self, organization: object, actor: Actor) -> None:
        """The webhooks, and what the one that was chosen is now."""
        super().choices_for(organization, actor)  # type: ignore[arg-type]
        word = str(self.initial.get("webhook") or "")
        row = choosing.found(Webhook.objects.filter(organization=organization), word, name=word) if word and not self.is_bound else None
        if row is not None:
            self.initial.update(webhook=str(row.id), name=row.name, families=[e for e in row.events if e.endswith("*")], events=" ".join(e for e in row.events if not e.endswith("*")))


def _new(row: Webhook, data: Data) -> dict[str, object]:
    """The fields that would really change."""
    asked = {"name": str(data.get("name") or row.name), "events": webhooks.wanted(data) or row.events, "url": str(data.get("url") or row.url)}
    return {name: value for name, value in asked.items() if value != getattr(row, name)}


def change_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from webhooks.problems(actor, target, data)
    row = webhooks.chosen(target, data)
    if row is None or not data.get("name"):
        return
    new = _new(row, data)
    if not new:
        yield "nothing_to_change"
    others = Webhook.objects.filter(organization=target.organization).exclude(id=row.id).values_list("name", flat=True)
    if "name" in new and any(naming.key(str(new["name"])) == naming.key(name) for name in others):
        yield "name_taken"
    yield from webhooks.about_events(actor, list(new.get("events", [])), of_program=bool(row.service_id or row.installation_id))  # type: ignore[call-overload]


def change_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = webhooks.chosen(target, data)
    new = _new(row, data) if row is not None and data.get("name") else {}
    found = []
    if "url" in new:
        found.append(Effect("later", "moved", _("What still waits goes to the new address too. The secret stays the same.")))
    if "events" in new:
        found.append(Effect("later", "events", _("The new choice counts for what happens from now on. What already waits is still sent.")))
    return found


def change(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = webhooks.loaded(work, target, data)
    new = _new(row, data)
    for name, value in new.items():
        setattr(row, name, value)
    row.host = receivers.shown(row.url)
    if "url" in new:
        receiving.goes_on(row)
    work.note(target.id, changed=sorted(new), host=row.host, events=row.events)


def rotate_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return webhooks.problems(actor, target, data)


def rotate(work: Work, target: OrganizationTarget, data: Data) -> None:
    receiving.rotate(work, target.id, webhooks.loaded(work, target, data))


def pause_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return webhooks.problems(actor, target, data, "active")


def pause_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "paused", _("Nothing more is sent. A message that is on its way still arrives.")),
            Effect("kept", "waits", _("What happens meanwhile waits, for 30 days."))]


def pause(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = webhooks.loaded(work, target, data)
    row.state, row.paused_why = "paused", "asked"


def resume_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from webhooks.problems(actor, target, data)
    row = webhooks.chosen(target, data)
    if row is not None and row.state == "active" and row.next_try is None:
        yield "nothing_to_change"


def resume_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = webhooks.chosen(target, data)
    waiting = row.deliveries.filter(state="due").count() if row is not None else 0
    return [Effect("later", "catch_up", _("What waits is sent now, in order. Messages that wait: %(n)d.") % {"n": waiting}, waiting)]


def resume(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = webhooks.loaded(work, target, data)
    row.state, row.paused_why = "active", ""
    receiving.goes_on(row)
    row.deliveries.filter(state="due").update(next_try=None)


def remove_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return webhooks.problems(actor, target, data)


def remove_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "queue", _("What waits is not sent. The secret and the list of deliveries are gone.")), Effect("kept", "log", _("The audit log itself stays as it is."))]


def remove(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = webhooks.loaded(work, target, data)
    work.remove_last(row)
    work.note(target.id, waiting=row.deliveries.filter(state="due").count())


CHANGE = Power(
    slug="change-webhook", code="webhook.change", event="webhook.changed", over="organization", permission="manage_apps", tier=2,
    form=ChangeForm, rule=change_rule, effects=change_effects, apply=change, notice=False,
    title=gettext_lazy("Change a webhook"), button=gettext_lazy("Save the webhook"),
    does=gettext_lazy("Changes the name, the address or the events of a webhook."), does_not=gettext_lazy("Changes neither its secret nor whose it is."),
    sentence=gettext_lazy("%(actor)s changed the webhook “%(target)s”"),
)
ROTATE = Power(
    slug="rotate-webhook-secret", code="webhook.rotate", event="webhook.secret_rotated", over="organization", permission="manage_apps", tier=2,
    form=WebhookForm, rule=rotate_rule, effects=receiving.rotate_effects, apply=rotate, notice=False,
    title=gettext_lazy("Renew the secret of a webhook"), button=gettext_lazy("Make a new secret"),
    does=gettext_lazy("Makes a new secret for the signatures of a webhook."), does_not=gettext_lazy("Interrupts nothing: for a day both secrets sign."),
    sentence=gettext_lazy("%(actor)s renewed the secret of the webhook “%(target)s”"),
)
PAUSE = Power(
    slug="pause-webhook", code="webhook.pause", event="webhook.paused", over="organization", permission="manage_apps", tier=1,
    form=WebhookForm, rule=pause_rule, effects=pause_effects, apply=pause, notice=False, undo="resume-webhook",
    title=gettext_lazy("Pause a webhook"), button=gettext_lazy("Pause"),
    does=gettext_lazy("Stops sending to a receiver."), does_not=gettext_lazy("Loses nothing for 30 days: what happens meanwhile waits."),
    sentence=gettext_lazy("%(actor)s paused the webhook “%(target)s”"),
)
RESUME = Power(
    slug="resume-webhook", code="webhook.resume", event="webhook.resumed", over="organization", permission="manage_apps", tier=1,
    form=WebhookForm, rule=resume_rule, effects=resume_effects, apply=resume, notice=False, undo="pause-webhook",
    title=gettext_lazy("Resume a webhook"), button=gettext_lazy("Resume"),
    does=gettext_lazy("Sends again. A webhook that waits after failures tries at once."), does_not=gettext_lazy("Sends nothing again that the receiver took."),
    sentence=gettext_lazy("%(actor)s resumed the webhook “%(target)s”"),
)
REMOVE = Power(
    slug="remove-webhook", code="webhook.remove", event="webhook.removed", over="organization", permission="manage_apps", tier=2,
    form=WebhookForm, rule=remove_rule, effects=remove_effects, apply=remove, notice=False,
    title=gettext_lazy("Remove a webhook"), button=gettext_lazy("Remove the webhook"),
    does=gettext_lazy("Ends a webhook for good."), does_not=gettext_lazy("Takes nothing back that the receiver already has."),
    sentence=gettext_lazy("%(actor)s removed the webhook “%(target)s”"),
)
