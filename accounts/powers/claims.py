"""What the powers over claims have in common: which claim and which account in it is meant."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.domains.names import kept, shown
from accounts.models import Account, Claim, ClaimedAccount, Organization
from accounts.models.claim import UNDECIDED, ClaimState, Standing
from accounts.people import Person
from accounts.power import Data
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.targets import OrganizationTarget
from accounts.tenancy import installation
from accounts.work import Work

AT_WORK = (ClaimState.ANNOUNCING, ClaimState.ANNOUNCED)


class ClaimForm(StrictForm):
    """Which claim; by its id, or by its domain."""

    claim = AnyChoiceField(label=gettext_lazy("Claim"), max_length=300)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The claims of the organization that are under way."""
        rows = Claim.objects.filter(organization=organization, state__in=AT_WORK).select_related("domain").order_by("-announced_at")
        self.fields["claim"].choices = [("", gettext_lazy("Choose one")), *((str(row.id), f"{shown(row.domain.name)} · {row.announced_at:%Y-%m-%d}") for row in rows)]  # type: ignore[attr-defined]
        self.fields["claim"].initial = self.initial.get("claim") or None

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The claim on whose page the act was chosen."""
        return {"claim": query.get("claim", "")[:300]}


def chosen(target: OrganizationTarget, data: Data) -> Claim | None:
    """The claim that is meant."""
    rows = Claim.objects.filter(organization_id=target.id, state__in=AT_WORK).select_related("domain")
    word = str(data.get("claim") or "").strip()
    return rows.filter(id=found).first() if (found := _uuid(word)) else rows.filter(domain__name=kept(word)).order_by("-announced_at").first() if word else None


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


class AccountForm(StrictForm):
    """Which account of which claim; by the id that the lists give it, or by its address."""

    account = AnyChoiceField(label=gettext_lazy("Account"), max_length=320)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """What was chosen on the page before, and whoever waits for an answer."""
        given = _uuid(str(self.initial.get("account") or self.data.get("account") or ""))
        rows = ClaimedAccount.objects.filter(organization=organization)
        found = list(rows.filter(id=given)) if given else list(rows.filter(state=Standing.OBJECTED).order_by("object_until")[:100])
        self.fields["account"].choices = [("", gettext_lazy("Choose one")), *((str(row.id), row.address) for row in found)]  # type: ignore[attr-defined]
        self.fields["account"].initial = self.initial.get("account") or None

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"account": query.get("account", "")[:320]}


def row_of(target: OrganizationTarget, data: Data) -> ClaimedAccount | None:
    """The account that is meant, in the newest claim that still concerns it."""
    rows = ClaimedAccount.objects.filter(organization_id=target.id).select_related("claim__domain")
    word = str(data.get("account") or "").strip()
    if found := _uuid(word):
        return rows.filter(id=found).first()
    return rows.filter(account__email_key=address_key(word), state__in=(*UNDECIDED, Standing.MANAGED)).order_by("-announced_at").first() if word else None


def problems(actor: Actor, found: object, word: object, code: str) -> Iterable[str]:
    """Why this actor may not act on what they chose."""
    yield from choosing.unreached(actor)
    if word and found is None:
        yield code


def taken(work: Work, row: ClaimedAccount) -> ClaimedAccount:
    """The account's row, locked and tracked."""
    fresh = ClaimedAccount.objects.select_for_update(of=("self",)).select_related("claim__domain").get(id=row.id)
    work.track(fresh)
    return fresh


def tell(work: Work, row: ClaimedAccount, event: str, **facts: Any) -> None:
    """An entry about the account, from which its person is told. It is named by the address that the organization knows."""
    work.tell(Person(account=Account(id=row.account_id, email=row.address, name="")), event, claim=str(row.claim_id), claimed=str(row.id), domain=row.claim.domain.name, **facts)


# The person's side


class OwnForm(StrictForm):
    """Which claim the person answers."""

    claim = AnyChoiceField(label=gettext_lazy("Claim"), max_length=40, required=False, help_text=gettext_lazy("May be left empty when there is only one to answer."))


def own(person: Person, data: Data) -> ClaimedAccount | None:
    """The row of the person's own account that is meant; without a name the only one that is open."""
    with installation("a claim of the person who answers, whoever announced it"):
        rows = ClaimedAccount.objects.filter(account_id=person.account.id).select_related("claim__domain")
        if word := str(data.get("claim") or ""):
            return rows.filter(id=found).first() if (found := _uuid(word)) else None
        still = list(rows.filter(state__in=UNDECIDED)[:2])
        return still[0] if len(still) == 1 else None


def own_taken(work: Work, person: Person, data: Data) -> ClaimedAccount:
    """The person's row, locked after their account and tracked."""
    row = own(person, data)
    assert row is not None
    with installation("a claim of the person who answers, whoever announced it"):
        return taken(work, row)
