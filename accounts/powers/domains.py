"""What the powers over domains have in common: which domain is meant, and who may act on it."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.domains.names import kept, shown
from accounts.models import Domain, Organization
from accounts.models.domain import OPEN
from accounts.power import Data
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work


class DomainForm(StrictForm):
    """Which domain; by its name or its id."""

    domain = AnyChoiceField(label=gettext_lazy("Domain"), max_length=300)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The domains of the organization that are not at their end."""
        rows = Domain.objects.filter(organization=organization, state__in=OPEN).order_by("name")
        self.fields["domain"].choices = [("", gettext_lazy("Choose one")), *((str(row.id), shown(row.name)) for row in rows)]  # type: ignore[attr-defined]
        self.fields["domain"].initial = self.initial.get("domain") or None  # so that the page says at once what would happen to this one

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The domain on whose page the act was chosen."""
        return {"domain": query.get("domain", "")[:300]}


def chosen(target: OrganizationTarget, data: Data) -> Domain | None:
    """The domain that is meant, however its name is written."""
    word = str(data.get("domain") or "")
    return choosing.found(Domain.objects.filter(organization_id=target.id, state__in=OPEN), word, name=kept(word))


def problems(actor: Actor, target: OrganizationTarget, data: Data) -> Iterable[str]:
    """Why this actor may not act on this domain."""
    yield from choosing.unreached(actor)
    if data.get("domain") and chosen(target, data) is None:
        yield "unknown_domain"


def loaded(work: Work, target: OrganizationTarget, data: Data) -> Domain:
    """The domain, to be changed; the entry names it."""
    row = chosen(target, data)
    assert row is not None
    return choosing.locked(work, target.id, row, domain=row.name)
