"""What the powers over services have in common: the fields that describe one, who answers for it, which one is meant."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.module_loading import import_string
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.addresses import address_key
from accounts.models import Membership, OAuthApplication, Organization, Service
from accounts.powers import naming
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.services import addresses
from accounts.work import Work

MOST = 200
"""Services of one organization."""
LEVELS = [("full", gettext_lazy("Full access")), ("read_only", gettext_lazy("Read only"))]
NONE = "none"


def _categories() -> list[tuple[str, Any]]:
    """Kinds of personal data, as the data map calls them."""
    return list(import_string(settings.DATA_CATEGORIES).items())


class ServiceForm(StrictForm):
    """What a service is, where it is, and where it may lead people back to."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    description = forms.CharField(label=gettext_lazy("What it is for"), required=False, max_length=300)
    owner = forms.CharField(label=gettext_lazy("E-mail address of who answers for it"), required=False, max_length=320,
                            help_text=gettext_lazy("Optional. Somebody in your organization; others see whom to ask."))
    url = forms.CharField(label=gettext_lazy("Address of the service"), required=False, max_length=200,
                          help_text=gettext_lazy("Optional. “Your services” leads people there, for example https://notes.example.com/."))
    redirect_uris = forms.CharField(label=gettext_lazy("Addresses to which people are led back after signing in"), required=False, max_length=12_000,
                                    widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
                                    help_text=gettext_lazy("One on each line, at most 20, written out in full. People are led to these and to no others."))
    logout_url = forms.CharField(label=gettext_lazy("Address at which the service is told that somebody was signed out"), required=False, max_length=500,
                                 help_text=gettext_lazy("Optional. Without it the service learns it when it next asks us."))
    categories = forms.MultipleChoiceField(label=gettext_lazy("Data about people that it holds"), required=False, choices=lazy(_categories, list)(), widget=forms.CheckboxSelectMultiple)

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"])

    def clean_owner(self) -> str:
        return address_key(self.cleaned_data["owner"].strip()) if self.cleaned_data["owner"].strip() else ""

    def clean_url(self) -> str:
        return addresses.clean_one(self.cleaned_data["url"].strip())

    def clean_redirect_uris(self) -> str:
        return "\n".join(addresses.clean(self.cleaned_data["redirect_uris"]))

    def clean_logout_url(self) -> str:
        return addresses.clean_one(self.cleaned_data["logout_url"].strip())


class WhichForm(StrictForm):
    """Which service is meant, by id, short name or name."""

    service = AnyChoiceField(label=gettext_lazy("Service"), max_length=100)

    def choices_for(self, organization: Organization, _actor: Any) -> None:
        """The services of the organization."""
        rows = Service.objects.filter(organization=organization).order_by("name")
        self.fields["service"].choices = [("", gettext_lazy("Choose one")), *((str(row.id), row.name) for row in rows)]  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: Any) -> dict[str, Any]:
        """The service beside which the act was chosen."""
        return {"service": query.get("service", "")[:100]}


def by_word(organization_id: UUID) -> dict[str, Service]:
    """The services of an organization by id, short name and name."""
    rows = list(Service.objects.filter(organization_id=organization_id).order_by("-created_at", "id"))
    return {word: row for kind in (lambda r: naming.key(r.name), lambda r: r.slug, lambda r: str(r.id)) for row in rows for word in (kind(row),)}


def named(found: dict[str, Service], word: Any) -> Service | None:
    text = str(word or "").strip()
    return found.get(text.lower()) or found.get(naming.key(text))


def name_taken(*, organization_id: UUID, name: str, but: UUID | None = None) -> bool:
    """Whether another service is called so."""
    wanted = naming.key(name)
    return any(naming.key(other) == wanted for other in Service.objects.filter(organization_id=organization_id).exclude(id=but).values_list("name", flat=True))


def free_slug(organization_id: UUID, name: str) -> str:
    """A short name that no other service of the organization has, made from its name."""
    taken = set(Service.objects.filter(organization_id=organization_id).values_list("slug", flat=True))
    stem = slugify(name)[:40] or "service"
    return next(one for one in (stem, *(f"{stem}-{n}" for n in range(2, MOST + 3))) if one not in taken)


def answering(organization_id: UUID, address: str) -> Membership | None:
    """The member with this address, who is to answer for the service."""
    rows = Membership.objects.filter(organization_id=organization_id, account__email_key=address_key(address), account__kind="person")
    return rows.exclude(status__in=("removed", "invited")).select_related("account").first()


def address_of(service: Service) -> str:
    """The address of who answers for the service, or ''."""
    rows = Membership.objects.filter(id=service.answered_by, organization_id=service.organization_id)
    return str(rows.exclude(status="removed").values_list("account__email", flat=True).first() or "")


def client_of(service: Service) -> OAuthApplication | None:
    """The client by which the service signs people in, if it has one."""
    return OAuthApplication.objects.filter(service=service).first()


def make_client(work: Work, service: Service, *, redirect_uris: list[str], logout_url: str) -> tuple[OAuthApplication, str]:
    """A client for the service, and its secret, which nobody can read again."""
    from accounts.oauth import clients

    client, secret = clients.make(work, organization=service.organization, name=service.name, service=service, redirect_uris=redirect_uris, logout_url=logout_url)
    work.add(client)
    return client, secret


def end_everywhere(service: Service, work: Work) -> int:
    """Every sign-in and token by which somebody is in the service ends now."""
    from accounts.oauth import ending

    client = client_of(service)
    return ending.end(clients=[client.id], now=work.now) if client else 0


class TypedNameForm(StrictForm):
    """For an act that cannot be undone: the name of the service, typed."""

    name = forms.CharField(label=gettext_lazy("Name of the service"), max_length=100, help_text=gettext_lazy("Type it, so that the right one goes."))

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if not name:
            raise ValidationError(_("Type the name."), code="required")
        return name
