"""A person switches their own account off, and comes back when they like (POWERS P6, RIGHTS 3c)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions, gathering, own_deletion
from accounts.actor import Actor
from accounts.own_deactivation import GROUND
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import addresses
from accounts.powers.access import set_account_status
from accounts.powers.account_access import close_account
from accounts.powers.forms import NoForm
from accounts.reasons import Stale
from accounts.work import Work

LAST_OWNER = ("last_owner", "external_obligation")
"""What stands in the way of a deletion and of this too. The rest of it does not: nothing is removed."""


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status != "active":
        yield "wrong_status"
    if person.governed:
        yield "managed_by_idp"
    elif not person.extra["alone"]:
        yield "ask_first_deactivation"
    yield from _owns(person.extra["blocked"])


def _owns(found: object) -> list[str]:
    return [code for code in LAST_OWNER if code in found]  # type: ignore[operator]


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [
        Effect("lost", "sign_in", _("You are signed out everywhere, and your API tokens are disabled for good. Links for a new password that are under way end.")),
        Effect("lost", "access", _("You cannot use any organization until you come back. The organizations see that you are unavailable, not why.")),
        Effect("kept", "data", _("Nothing is deleted, and what is kept about you is used as before. To stop that, restrict it.")),
        Effect("kept", "way_back", _("You can come back at any time: by signing in, or by the link in the mail that you get now.")),
    ]


def apply(work: Work, person: Person, _data: Data) -> None:
    deletions.lock_owned([person.account.id])  # of two owners who go at once, one has to stay
    if _owns(deletions.blockers([person.account.id]).get(person.account.id, [])):
        raise Stale
    set_account_status(work, person, {"reason_code": GROUND}, "deactivated")
    close_account(work, person, reason="deactivated")
    person.account.credential_epoch += 1  # reset links that are under way open nothing any more


POWER = Power(
    slug="deactivate-own-account", code="own.deactivate", event="account.own_deactivated", over="own_account", permission=None, tier=1, tier_for=addresses.own_tier, form=NoForm,
    rule=rule, effects=effects, apply=apply, ladder=1, self_allowed=True, gather=(own_deletion.alone, deletions.blocked, gathering.elsewhere),
    title=gettext_lazy("Deactivate your account"), button=gettext_lazy("Deactivate my account"),
    does=gettext_lazy("Switches your account off everywhere until you come back: sessions end, API tokens are disabled, no organization can be used."),
    does_not=gettext_lazy("Deletes nothing, and does not stop organizations from using what they hold about you."),
    sentence=gettext_lazy("%(actor)s deactivated their own account"),
)
