"""What may be done with a domain: have its proof looked for now, give it another token, remove it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.domains import life
from accounts.models import Account, Domain, Management
from accounts.models.domain import DomainState
from accounts.power import Data, Effect, Power
from accounts.powers import domains
from accounts.powers.domains import DomainForm
from accounts.targets import OrganizationTarget
from accounts.work import Work


def prove_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return domains.problems(actor, target, data)


def prove_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "looked", _("The record, or the file, is looked for within seconds. The result stands on the page of the domain."))]


def prove(work: Work, target: OrganizationTarget, data: Data) -> None:
    domains.loaded(work, target, data).next_check_at = work.now


def renew_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return domains.problems(actor, target, data)


def renew_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = domains.chosen(target, data)
    found = [Effect("lost", "old_token", _("The value that was valid until now proves nothing any more."))]
    if row is not None and row.state != DomainState.PENDING_PROOF:
        found.append(Effect("later", "publish", _("Publish the new value soon: from the next check on, the domain counts as unproven without it.")))
    return found


def renew(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = domains.loaded(work, target, data)
    row.token = life.new_token()


def remove_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from domains.problems(actor, target, data)
    row = domains.chosen(target, data)
    if row is not None and row.state != DomainState.PENDING_PROOF and managed(row):
        yield "domain_manages"


def managed(row: Domain) -> int:
    """How many accounts the organization manages on the ground of this domain."""
    accounts = Account.objects.filter(email_key__endswith=f"@{row.name}") | Account.objects.filter(email_key__endswith=f".{row.name}")
    return Management.objects.filter(organization_id=row.organization_id, basis="domain_claim", account__in=accounts).count()


def remove_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = domains.chosen(target, data)
    # The state is part of what is agreed to: whoever gave up an unproven domain did not give up a proven one.
    return [Effect("lost", f"domain_{row.state if row else ''}", _("The domain is no longer yours here. Others may prove it at once.")),
            Effect("kept", "log", _("What was recorded about it stays in the audit log."))]


def remove(work: Work, target: OrganizationTarget, data: Data) -> None:
    life.end(domains.loaded(work, target, data), DomainState.RELEASED, now=work.now)


PROVE = Power(
    slug="prove-domain", code="domain.verify", event="domain.proof_asked", over="organization", permission="manage_domains", tier=1,
    form=DomainForm, rule=prove_rule, effects=prove_effects, apply=prove, notice=False, ladder=0,
    title=gettext_lazy("Check a domain now"), button=gettext_lazy("Check now"),
    does=gettext_lazy("Looks for the proof of a domain at once instead of at the next round."), does_not=gettext_lazy("Changes nothing by itself: only what is found counts."),
    sentence=gettext_lazy("%(actor)s had the proof of the domain %(target)s looked for"),
)
RENEW = Power(
    slug="renew-domain-token", code="domain.renew_token", event="domain.token_renewed", over="organization", permission="manage_domains", tier=2,
    form=DomainForm, rule=renew_rule, effects=renew_effects, apply=renew, notice=False,
    title=gettext_lazy("Make a new value for a domain"), button=gettext_lazy("Make a new value"),
    does=gettext_lazy("Makes a new value that the record or the file must hold, for when the old one may be in the wrong hands."),
    does_not=gettext_lazy("Ends no control over accounts by itself."),
    sentence=gettext_lazy("%(actor)s made a new value for the proof of the domain %(target)s"),
)
REMOVE = Power(
    slug="remove-domain", code="domain.release", event="domain.released", over="organization", permission="manage_domains", tier=2,
    form=DomainForm, rule=remove_rule, effects=remove_effects, apply=remove, notice=False,
    title=gettext_lazy("Remove a domain"), button=gettext_lazy("Remove the domain"),
    does=gettext_lazy("Gives a domain up: it is not looked at any more and belongs to nobody here."),
    does_not=gettext_lazy("Releases no account: while accounts are managed on the ground of the domain, it cannot be removed."),
    sentence=gettext_lazy("%(actor)s removed the domain %(target)s"),
)
