"""The person's own end of an account: delete it, or ask the organization that manages it (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import deletions, gathering, lately, own_deletion
from accounts.actor import Actor
from accounts.models import RightsRequest
from accounts.models.rights import RightsKind
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import addresses
from accounts.powers.access import set_account_status
from accounts.powers.account_access import close_account
from accounts.powers.deletions import in_the_way
from accounts.powers.forms import NoForm, StrictForm
from accounts.reasons import Stale
from accounts.work import Work, plain


def rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    if person.account.status != "active":
        yield "wrong_status"
    if person.governed:
        yield "managed_by_idp"
    elif not person.extra["alone"]:
        yield "ask_first"
    yield from in_the_way(person)
    yield from lately.codes(person.account, now)


def effects(person: Person, _data: Data, now: datetime) -> list[Effect]:
    days: int = person.extra["days"]  # type: ignore[assignment]
    date = timezone.localtime(now + timedelta(days=days)).strftime("%Y-%m-%d %H:%M %Z")
    return [
        Effect("lost", "sign_in", _("You are signed out everywhere, and your API tokens are disabled for good. Links for a new password and changes of your address that are under way end.")),
        Effect("lost", "access", _("You cannot use any organization any more.")),
        Effect("later", "purge", _("On %(date)s your name, your address and everything that identifies you are removed for good.") % {"date": date}, days),
        Effect("kept", "cancel", _("Until then you can take it back: by signing in, or by the link in the mail that you get now.")),
        Effect("kept", "contributions", _("What you made stays where you made it, as by a former user.")),
    ]


def apply(work: Work, person: Person, _data: Data) -> None:
    deletions.lock_owned([person.account.id])  # of two owners who go at once, one has to stay
    if deletions.blockers([person.account.id]):
        raise Stale
    days: int = person.extra["days"]  # type: ignore[assignment]
    row = deletions.schedule(work, person, days=days, by_person=True, reason_code="person_asked", organization_id=person.management.organization_id if person.management else None)
    set_account_status(work, person, {"reason_code": "person_asked", "until": row.purge_at}, "pending_deletion")
    close_account(work, person, reason="pending_deletion")
    person.account.credential_epoch += 1  # reset links that are under way open nothing any more
    work.cancel_address_changes(person.account.id)
    work.note(person.id, purge_at=plain(row.purge_at), days=days)


POWER = Power(
    slug="delete-own-account", code="own.delete", event="account.own_deletion_scheduled", over="own_account", permission=None, tier=1, tier_for=addresses.own_tier, form=NoForm,
    rule=rule, effects=effects, apply=apply, ladder=2, self_allowed=True, notice=False, gather=(own_deletion.alone, own_deletion.days, deletions.blocked, gathering.elsewhere),
    title=gettext_lazy("Delete your account"), button=gettext_lazy("Delete my account"),
    does=gettext_lazy("Closes your account at once and deletes it after some days, in which you can take it back."),
    does_not=gettext_lazy("Deletes nothing before that date, and nothing while you alone own an organization or something has to be kept."),
    sentence=gettext_lazy("%(actor)s scheduled the deletion of their own account"),
)


class AskForm(StrictForm):
    words = forms.CharField(label=gettext_lazy("Your words to them"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                            help_text=gettext_lazy("Optional. Administrators read it."))


def ask_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status != "active":
        yield "wrong_status"
    if person.governed:
        yield "managed_by_idp"
    elif person.extra["alone"]:
        yield "decide_alone"
    if person.extra["asked"] is not None:
        yield "asked_already"
    yield from in_the_way(person)


def ask_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "asked", _("The organization that manages your account agrees, or declines with a ground. You are told by mail.")),
            Effect("later", "escalates", ngettext("Without an answer all administrators are told after %(n)d day, and later the owners.",
                                                  "Without an answer all administrators are told after %(n)d days, and later the owners.",
                                                  own_deletion.ESCALATES[0][0]) % {"n": own_deletion.ESCALATES[0][0]}),
            Effect("kept", "all", _("Until they agree nothing changes, and you can withdraw what you asked."))]


def ask(work: Work, person: Person, data: Data) -> None:
    assert person.management is not None
    row = RightsRequest(id=uuid4(), organization_id=person.management.organization_id, account=person.account, kind=RightsKind.ACCOUNT, words=str(data.get("words") or ""), asked_at=work.now)
    work.add(row)
    work.note(person.id, request=str(row.id))


ASK = Power(
    slug="ask-own-deletion", code="own.delete_ask", event="account.deletion_asked", over="own_account", permission=None, tier=1, tier_for=addresses.own_tier, form=AskForm,
    rule=ask_rule, effects=ask_effects, apply=ask, ladder=1, self_allowed=True, notice=False, gather=(own_deletion.alone, own_deletion.asked, deletions.blocked),
    title=gettext_lazy("Ask for the deletion of your account"), button=gettext_lazy("Ask"),
    does=gettext_lazy("Asks the organization that manages your account to delete it."),
    does_not=gettext_lazy("Changes nothing until an administrator agrees."),
    sentence=gettext_lazy("%(actor)s asked for the deletion of their own account"),
)


def withdraw_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.extra["asked"] is None:
        yield "no_request"


def withdraw(work: Work, person: Person, _data: Data) -> None:
    row = taken(work, person)
    row.state = "ended"


def taken(work: Work, person: Person) -> RightsRequest:
    """The open request, locked and to be changed. The account is locked already, so nobody else decides about it now."""
    seen = person.extra["asked"]
    assert isinstance(seen, RightsRequest)
    row = RightsRequest.objects.select_for_update().get(id=seen.id)
    if row.state != "open":
        raise Stale
    work.track(row)
    work.note(person.id, request=str(row.id))
    return row


WITHDRAW = Power(
    slug="withdraw-own-deletion", code="own.delete_withdraw", event="account.deletion_request_withdrawn", over="own_account", permission=None, tier=0, form=NoForm,
    rule=withdraw_rule, apply=withdraw, ladder=0, self_allowed=True, notice=False, gather=(own_deletion.asked,),
    title=gettext_lazy("Withdraw what you asked"), button=gettext_lazy("Withdraw"),
    does=gettext_lazy("Ends your request that your account be deleted; it stays as it is."),
    does_not=gettext_lazy("Does not take back a deletion to which an administrator has agreed. For that there is the link in the mail."),
    sentence=gettext_lazy("%(actor)s withdrew the request that their account be deleted"),
)
