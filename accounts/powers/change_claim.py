"""What may be done with a claim that was announced: cancel it, leave an account out, answer an objection; and give a domain up with its accounts."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.claims import life
from accounts.models import ClaimedAccount
from accounts.models.claim import UNDECIDED, ClaimState
from accounts.models.domain import DomainState
from accounts.power import Data, Effect, Power
from accounts.powers import change_domain, choosing, claims, domains
from accounts.powers.claims import AccountForm, ClaimForm
from accounts.powers.domains import DomainForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work

ANSWERS = [("", gettext_lazy("Choose one")), ("accept", gettext_lazy("Accept it: the account is left out")), ("reject", gettext_lazy("Decline it, with a ground that the person reads"))]
GROUNDS = [("", gettext_lazy("Choose one")), ("work_account", gettext_lazy("The account was made for work in this organization")), ("security",
    gettext_lazy("The security of the organization needs it")),
           ("legal_duty", gettext_lazy("A legal duty needs it")), ("other", gettext_lazy("Another ground"))]


def cancel_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return claims.problems(actor, claims.chosen(target, data), data.get("claim"), "unknown_claim")


def cancel_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = claims.chosen(target, data)
    waiting = ClaimedAccount.objects.filter(claim=row, state__in=UNDECIDED).count() if row else 0
    return [Effect("lost", "withdrawn", ngettext("%(n)d person who was to decide is told that nothing happens.", "%(n)d people who were to decide are told that nothing happens.",
                                                 waiting) % {"n": waiting}, waiting),
            Effect("kept", "managed", _("Accounts that are managed already stay so."))]


def cancel(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = claims.chosen(target, data)
    assert row is not None
    life.move(choosing.locked(work, target.id, row, claim=str(row.id), domain=row.domain.name), ClaimState.CANCELLED, now=work.now)


def exempt_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    row = claims.row_of(target, data)
    yield from claims.problems(actor, row, data.get("account"), "unknown_person")
    if row is not None and not life.may(row, "exempt"):
        yield "wrong_status"


def exempt_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = claims.row_of(target, data)
    managed = row is not None and row.state not in UNDECIDED
    return [Effect("lost", "released" if managed else "left_out", _("Your organization no longer manages this account; within seconds it belongs to the person alone.") if managed
                   else _("Nothing happens to this account on the date, and the person is told."))]


def exempt(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _taken(work, target, data, "exempt")
    life.go(row, "exempt", now=work.now)
    row.object_until = None
    work.note(target.id, claim=str(row.claim_id), claimed=str(row.id), domain=row.claim.domain.name)
    if row.state == "exempted":
        claims.tell(work, row, "management.exempted")


def _taken(work: Work, target: OrganizationTarget, data: Data, step: str) -> ClaimedAccount:
    row = claims.row_of(target, data)
    assert row is not None
    fresh = claims.taken(work, row)
    if not life.may(fresh, step):
        raise Stale  # the person, or the date, was faster
    return fresh


class AnswerForm(AccountForm):
    """The answer to an objection. A refusal needs a ground and words, which the person reads."""

    answer = forms.ChoiceField(label=gettext_lazy("Answer"), choices=ANSWERS)
    ground = forms.ChoiceField(label=gettext_lazy("Ground"), choices=GROUNDS, required=False, help_text=gettext_lazy("Only if you decline. The person reads it."))
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Needed if you decline: say why, in your words."))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in ("ground", "message"):
            if cleaned.get("answer") == "reject" and not cleaned.get(name):
                self.add_error(name, ValidationError(_("The person has to learn why."), code="required"))
        return cleaned


def answer_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    row = claims.row_of(target, data)
    yield from claims.problems(actor, row, data.get("account"), "unknown_person")
    if row is not None and not life.may(row, "reject"):
        yield "no_objection"


def answer_effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "told", _("The person is told at once."))]
    if data.get("answer") != "accept":
        found.append(Effect("later", "again", _("If you decline, they have at least seven more days to leave with an address of their own.")))
    return found


def answer(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _taken(work, target, data, "reject")
    if data["answer"] == "accept":
        life.go(row, "exempt", now=work.now)
        row.answer_code, row.answer, row.object_until = "accepted", str(data.get("message") or ""), None
        claims.tell(work, row, "management.exempted")
    else:
        life.reject(row, code=str(data.get("ground") or "other"), words=str(data.get("message") or ""), now=work.now)
        claims.tell(work, row, "management.objection_rejected", ground=row.answer_code)
    work.note(target.id, claim=str(row.claim_id), claimed=str(row.id), domain=row.claim.domain.name, answer=str(data["answer"]), _about=row.account_id)


def release_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from domains.problems(actor, target, data)
    row = domains.chosen(target, data)
    if row is not None and row.state == DomainState.PENDING_PROOF:
        yield "domain_not_proven"
    if row is not None and row.releasing:
        yield "nothing_to_change"


def release_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = domains.chosen(target, data)
    number = change_domain.managed(row) if row else 0
    return [
        Effect("lost", "managed", ngettext("Your organization stops managing %(n)d account; the person is told.", "Your organization stops managing %(n)d accounts; the people are told.",
                                           number) % {"n": number}, number),
        Effect("lost", "claims", _("Claims of this domain end. Whoever was to decide is told that nothing happens.")),
        Effect("lost", "domain", _("Then the domain is no longer yours here. Others may prove it at once.")),
        Effect("kept", "memberships", _("Memberships, roles and what was made here stay. Accounts that were switched off can sign in again.")),
    ]


def release(work: Work, target: OrganizationTarget, data: Data) -> None:
    domains.loaded(work, target, data).releasing = True


CANCEL = Power(
    slug="cancel-claim", code="domain.cancel_claim", event="claim.cancelled", over="organization", permission="manage_domains", tier=1,
    form=ClaimForm, rule=cancel_rule, effects=cancel_effects, apply=cancel, notice=False,
    title=gettext_lazy("Cancel a claim"), button=gettext_lazy("Cancel the claim"),
    does=gettext_lazy("Takes an announced claim back: whoever is not managed yet will not be."), does_not=gettext_lazy("Releases nobody who is managed already."),
    sentence=gettext_lazy("%(actor)s cancelled a claim of accounts of the domain %(target)s"),
)
EXEMPT = Power(
    slug="exempt-account", code="management.exempt", event="claim.account_exempted", over="organization", permission="manage_domains", tier=1,
    form=AccountForm, rule=exempt_rule, effects=exempt_effects, apply=exempt, notice=False,
    title=gettext_lazy("Leave an account out of a claim"), button=gettext_lazy("Leave it out"),
    does=gettext_lazy("Leaves one account out of a claim; if it took effect already, releases the account."), does_not=gettext_lazy("Changes nothing for the others, and no access to your services."),
    sentence=gettext_lazy("%(actor)s left an account out of a claim"),
)
ANSWER = Power(
    slug="answer-objection", code="management.answer_objection", event="claim.objection_answered", over="organization", permission="manage_domains", tier=1,
    form=AnswerForm, rule=answer_rule, effects=answer_effects, apply=answer, notice=False,
    title=gettext_lazy("Answer an objection"), button=gettext_lazy("Answer"),
    does=gettext_lazy("Accepts somebody's objection to a claim, or declines it with a ground that they read."),
    does_not=gettext_lazy("Gives no control by itself: whoever is declined can still leave, for seven days at least."),
    sentence=gettext_lazy("%(actor)s answered an objection to a claim"),
)
RELEASE = Power(
    slug="release-domain", code="domain.release_accounts", event="domain.release_begun", over="organization", permission="manage_domains", tier=2,
    form=DomainForm, rule=release_rule, effects=release_effects, apply=release, notice=False,
    title=gettext_lazy("Release a domain and its accounts"), button=gettext_lazy("Release all of them"),
    does=gettext_lazy("Ends your control of all accounts that are managed on the ground of a domain, and then gives the domain up."),
    does_not=gettext_lazy("Removes nobody from the organization and deletes nothing."),
    sentence=gettext_lazy("%(actor)s began to release the domain %(target)s with its accounts"),
)
