"""What the powers over webhooks have in common: which webhook is meant, which events it gets, whom it belongs to."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import receivers
from accounts.actor import Actor
from accounts.models import Installation, Organization, Service, Webhook
from accounts.power import Data
from accounts.powers import choosing, naming, receiving
from accounts.powers.forms import AnyChoiceField, AnyChoicesField, StrictForm
from accounts.targets import OrganizationTarget
from accounts.webhooks import events
from accounts.work import Work

MOST = 50
SAMPLE = "https://hooks.example.com/steward"


class WebhookForm(StrictForm):
    """Which webhook; by its name or its id."""

    webhook = AnyChoiceField(label=gettext_lazy("Webhook"), max_length=60)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The webhooks of the organization."""
        rows = Webhook.objects.filter(organization=organization).order_by("name").values_list("id", "name")
        self.fields["webhook"].choices = receiving.offered(rows)  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The webhook on whose page the act was chosen."""
        return {"webhook": query.get("webhook", "")[:60]}


class ContentForm(StrictForm):
    """Name, address and events of a webhook."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    url = forms.CharField(label=gettext_lazy("Address"), max_length=500,
                          help_text=gettext_lazy("Such as https://hooks.example.com/steward. It is shown and recorded without its path."))
    families = AnyChoicesField(label=gettext_lazy("Events"), required=False, widget=forms.CheckboxSelectMultiple,
                               help_text=gettext_lazy("By the first part of their names. The list of events says what each one means."))
    events = forms.CharField(label=gettext_lazy("Single events"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
                             help_text=gettext_lazy("Optional. Full names with blanks between them, such as membership.suspended account.deactivated"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["families"].choices = [(events.ALL, gettext_lazy("Everything")), *((f"{name}.*", f"{name}.*") for name in events.families())]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"])

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        if words := receivers.problem(url, sample=SAMPLE) if url else "":
            raise ValidationError(words, code="address")
        return url

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        names = wanted(cleaned)
        for field, given in (("families", cleaned.get("families") or []), ("events", str(cleaned.get("events") or "").split())):
            if strange := events.unknown(given):
                self.add_error(field, ValidationError(_("There is no event named %(name)s."), code="unknown", params={"name": strange[0][:80]}))
        if not names and not self.errors:
            self.add_error("families", ValidationError(_("Choose at least one event."), code="required"))
        if len(names) > events.MOST:
            self.add_error("events", ValidationError(_("Choose at most 50 events; a family such as membership.* counts as one."), code="too_many"))
        return cleaned


def wanted(data: Data) -> list[str]:
    """The events that were chosen, each once; everything covers all others."""
    names = sorted({*(data.get("families") or []), *str(data.get("events") or "").split()})
    return [events.ALL] if events.ALL in names else names


def chosen(target: OrganizationTarget, data: Data) -> Webhook | None:
    """The webhook that is meant."""
    word = str(data.get("webhook") or "").strip()
    return choosing.found(Webhook.objects.filter(organization=target.organization), word, name=word)


def problems(actor: Actor, target: OrganizationTarget, data: Data, *states: str) -> Iterable[str]:
    """Why this actor may not act on this webhook."""
    return receiving.problems(actor, data.get("webhook"), chosen(target, data), states, unknown="unknown_webhook")


def about_events(actor: Actor, names: list[str], *, of_program: bool) -> Iterable[str]:
    """Why these events may not be chosen: programs learn about people whom they know, and whoever may not read the log sends none of it away."""
    if not events.beyond(names):
        return
    if of_program:
        yield "events_beyond_program"
    elif not actor.may("view_audit"):
        yield "events_beyond_role"


def service_of(target: OrganizationTarget, data: Data) -> Service | None:
    word = str(data.get("service") or "").strip()
    rows = Service.objects.filter(organization=target.organization)
    return choosing.found(rows, word, name=word) or rows.filter(slug=word).first() if word else None


def app_of(target: OrganizationTarget, data: Data) -> Installation | None:
    word = str(data.get("app") or "").strip()
    rows = Installation.objects.filter(organization=target.organization).exclude(state="ended").select_related("app")
    try:
        return rows.filter(id=word).first() if word else None
    except ValidationError:
        return rows.filter(Q(app__slug=word) | Q(app__name=word)).first()


def loaded(work: Work, target: OrganizationTarget, data: Data) -> Webhook:
    """The webhook, to be changed; the entry names it."""
    row = chosen(target, data)
    assert row is not None
    return choosing.locked(work, target.id, row, name=row.name)
