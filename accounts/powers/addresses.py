"""What the powers over addresses have in common: the fields, what stands in the way, and what a change brings about."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key, clean_address
from accounts.emails import collisions, life, switching
from accounts.models import AddressChange
from accounts.people import Person
from accounts.power import Data, Effect
from accounts.powers.forms import ReasonForm, StrictForm
from accounts.reasons import Refused
from accounts.tenancy import installation
from accounts.work import Work

FROM_ONE, TO_ONE = 20, 10
"""How many links a day may be asked for from one account, and go to one mailbox."""
GROUNDS = [
    ("name_changed", gettext_lazy("New name")),
    ("domain_changed", gettext_lazy("The organization’s domain changed")),
    ("mailbox_dead", gettext_lazy("The old mailbox is gone")),
    ("mailbox_compromised", gettext_lazy("The old mailbox is in somebody else’s hands")),
    ("person_asked", gettext_lazy("The person asked for it")),
    ("mistake", gettext_lazy("Correction of a mistake")),
    ("other", gettext_lazy("Other (say what in the private note)")),
]


class GroundForm(ReasonForm):
    """A ground why an address changes."""

    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *GROUNDS],
                                    help_text=gettext_lazy("Goes to the audit log, and to the person with the notice."))


class AddressForm(StrictForm):
    """A new address; compared as mailboxes compare, stored as it was typed."""

    email = forms.CharField(label=gettext_lazy("New e-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def clean_email(self) -> str:
        return clean_address(self.cleaned_data["email"])


def own_tier(_actor: Actor, person: Person, _data: Data) -> int:
    """Whoever has a second factor proves it before the way in to their account changes."""
    return 2 if person.account.has_second_factor else 1


def same(person: Person, address: str) -> bool:
    """Whether the account has this address already, spelled like this."""
    return bool(address) and clean_address(address) == person.account.email


def in_the_way(person: Person, address: str, *, organization_id: Any, now: datetime) -> collisions.Collision:
    return collisions.find(address=address, account_id=person.account.id, organization_id=organization_id, now=now)


def taken(person: Person, address: str, *, organization_id: Any, now: datetime) -> Iterable[str]:
    """Why the person cannot have this address, as far as whoever asks may know."""
    code = in_the_way(person, address, organization_id=organization_id, now=now).code
    if code in {"address_taken_here", "address_to_free", "address_unmanaged", "address_unavailable"}:
        yield code


def limited(person: Person, address: str, now: datetime) -> Iterable[str]:
    """Links go to mailboxes of strangers too, so there are only so many a day: from one account, and to one mailbox, whoever asks (guard rail 22)."""
    with installation("how many links a mailbox gets is counted over all organizations"):
        rows = AddressChange.objects.filter(created_at__gt=now - timedelta(days=1), created_at__lte=now)
        if rows.filter(account=person.account).count() >= FROM_ONE or rows.filter(new_key=address_key(address)).count() >= TO_ONE:
            yield "too_many_links"


def complete(work: Work, person: Person, row: AddressChange, *, ends_sessions: str = "") -> None:
    """The change takes effect within this act; if somebody has the address by now, nothing does."""
    try:
        life.complete(work, person.account, row, by_organization=True, ends_sessions=ends_sessions)
    except switching.Taken as taken:
        raise Refused({str(person.id): [taken.code]}) from taken


def ours(actor: Actor, person: Person) -> Iterable[str]:
    """A change must be under way, and this organization must be the one that decides about it."""
    if life.of(person, actor.organization_id) is None:
        yield "no_change_pending"


def tracked(work: Work, person: Person) -> AddressChange:
    """The change under way, to be changed; the entry names it. The account is locked, so nobody else decides about it now."""
    row = person.extra["address_change"]
    assert isinstance(row, AddressChange)
    work.track(row)
    work.note(person.id, _also=[row])
    return row


def consequences(*, ends_sessions: bool, person: Person, undo: bool) -> list[Effect]:
    """What every change of an address brings about."""
    found = [Effect("lost", "reset_links", _("Links for a new password that are under way stop working.")),
             Effect("kept", "tokens", _("The password, the second factor and API tokens stay.")),
             Effect("later", "quarantine", _("For 30 days nobody else can have the old address here."))]
    if ends_sessions:
        found.insert(0, Effect("lost", "sessions", _("The person is signed out everywhere and signs in with the new address."), person.sessions))
    found.append(Effect("later", "undo", _("For seven days the old mailbox can undo the change.")) if undo
                 else Effect("lost", "undo", _("No mailbox can undo the change: the old one is the reason for it, or there is none.")))
    return found
