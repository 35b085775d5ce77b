"""What may be done with a scheduled deletion: cancel it, bring it forward with a second person, give the address free early (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions
from accounts.actor import Actor
from accounts.emails import switching
from accounts.models import Deletion
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.work import Work, plain


def _row(person: Person) -> Deletion:
    row = person.extra["deletion"]
    assert isinstance(row, Deletion)
    return row


def _open(person: Person, step: str) -> Iterable[str]:
    row = person.extra["deletion"]
    if not isinstance(row, Deletion):
        yield "wrong_status"
    elif not deletions.may(row, step):
        yield "purge_began"


def in_the_way(person: Person) -> Iterable[str]:
    """What the gate found, by the codes that it can find."""
    found: list[str] = person.extra["blocked"]  # type: ignore[assignment]
    return [code for code in ("on_hold", "last_owner", "sole_control", "dispute_open", "external_obligation") if code in found]


def cancel_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    return _open(person, "cancel")


def cancel_effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    row = person.extra["deletion"]
    found = [Effect("kept", f"account_{row.was_status}" if isinstance(row, Deletion) else "account", _("Nothing was deleted. The account is again what it was before the deletion was scheduled.")),
             Effect("lost", "tokens", _("API tokens and sessions that ended stay ended."))]
    if isinstance(row, Deletion) and row.address_released:
        found.append(Effect("lost", "address", _("The address was given free and does not come back. The person needs a new one before they can sign in.")))
    return found


def cancel(work: Work, person: Person, _data: Data) -> None:
    row = _row(person)
    work.note(person.id, purge_at=plain(row.purge_at), restored=row.was_status)
    deletions.restore(work, person, row)


def expedite_rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    yield from _open(person, "expedite")
    row = person.extra["deletion"]
    if isinstance(row, Deletion) and row.purge_at <= now:
        yield "nothing_to_change"
    yield from in_the_way(person)


def expedite_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "term", _("The account is deleted within minutes instead of on its date. From then on there is no way back.")),
            Effect("lost", "identity", _("Name, address and everything that identifies the person are removed for good.")),
            Effect("kept", "contributions", _("What the person made stays, as by a former user."))]


def expedite(work: Work, person: Person, _data: Data) -> None:
    row = _row(person)
    work.track(row)
    deletions.go(row, "expedite")
    row.purge_at, row.expedited_by = work.now, list(dict.fromkeys(work.people))
    person.account.status_until = work.now
    work.note(person.id, term=plain(row.term))


def release_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    yield from _open(person, "release_address")
    row = person.extra["deletion"]
    if isinstance(row, Deletion) and row.address_released:
        yield "nothing_to_change"


def release_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "address", _("The account loses its address at once and for good. If the deletion is cancelled, the person needs a new one before they can sign in.")),
            Effect("kept", "reuse", _("Your organization can give the address to somebody else at once; to strangers it stays closed for 30 days."))]


def release_address(work: Work, person: Person, _data: Data) -> None:
    row, account = _row(person), person.account
    work.track(row)
    deletions.go(row, "release_address")
    row.address_released = True
    work.cancel_address_changes(account.id)
    switching.release(work, account, open_to=row.organization_id)


CANCEL = Power(
    slug="cancel-deletion", code="account.cancel_deletion", event="account.deletion_cancelled", over="member", permission="delete_accounts", tier=2,
    form=ReasonForm, rule=cancel_rule, effects=cancel_effects, apply=cancel, account_power=True, urgent=True, bulk=True, gather=(deletions.deletion,),
    title=gettext_lazy("Cancel the deletion"), button=gettext_lazy("Cancel the deletion"),
    does=gettext_lazy("Takes a scheduled deletion back: the account is again what it was before."),
    does_not=gettext_lazy("Does not bring back sessions, API tokens, or an address that was given free."),
    sentence=gettext_lazy("%(actor)s cancelled the deletion of the account of %(target)s"),
)
EXPEDITE = Power(
    slug="expedite-deletion", code="account.purge", event="account.deletion_expedited", over="member", permission="delete_accounts", tier=3,
    form=ReasonForm, rule=expedite_rule, effects=expedite_effects, apply=expedite, account_power=True, ladder=2, notice=False, gather=(deletions.deletion, deletions.blocked),
    title=gettext_lazy("Delete now"), button=gettext_lazy("Ask for the deletion now"),
    does=gettext_lazy("Deletes an account whose deletion is scheduled at once, when a second person agrees."),
    does_not=gettext_lazy("Passes by no hold and no open obligation."),
    sentence=gettext_lazy("%(actor)s brought the deletion of the account of %(target)s forward"),
)
RELEASE = Power(
    slug="release-address", code="account.release_address", event="account.address_released", over="member", permission="delete_accounts", tier=2,
    form=ReasonForm, rule=release_rule, effects=release_effects, apply=release_address, account_power=True, notice=False, gather=(deletions.deletion,),
    title=gettext_lazy("Give the address free"), button=gettext_lazy("Give it free"),
    does=gettext_lazy("Takes the address from an account whose deletion is scheduled, so that your organization can give it to somebody else now."),
    does_not=gettext_lazy("Does not bring the deletion forward. The person is told at that address."),
    sentence=gettext_lazy("%(actor)s gave the address of the account of %(target)s free before its deletion"),
)
