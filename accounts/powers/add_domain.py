"""Add a domain: say that it is the organization's, and get what proves it (POWERS P9)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.domains import life, names
from accounts.models import Domain
from accounts.models.domain import OPEN, DomainState
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work


class AddForm(StrictForm):
    """The domain, as people write it."""

    domain = forms.CharField(label=gettext_lazy("Domain"), max_length=300,
                             help_text=gettext_lazy("The part of your e-mail addresses after the @, such as example.com. Subdomains are added on their own."))

    def clean_domain(self) -> str:
        return names.clean(self.cleaned_data["domain"])


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    rows = Domain.objects.filter(organization_id=target.id)
    if rows.filter(state=DomainState.PENDING_PROOF).count() >= life.MOST_PENDING:
        yield "too_many_domains"
    if data.get("domain") and rows.filter(name=names.kept(str(data["domain"])), state__in=OPEN).exists():
        yield "domain_there"


def effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "proof", _("You get a record for your name service, or a file for your web server. Within seven days it has to be found there.")),
            Effect("kept", "accounts", _("No account changes. Until the proof is found, others may add the same domain."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = Domain(id=uuid.uuid4(), organization_id=target.id, name=str(data["domain"]), token=life.new_token(), created_at=work.now, proof_until=work.now + life.PROOF_WITHIN,
                 next_check_at=work.now + life.LOOK_AGAIN)
    work.add(row)
    work.note(target.id, _made=[row], domain=row.name)


POWER = Power(
    slug="add-domain", code="domain.add", event="domain.added", over="organization", permission="manage_domains", tier=2,
    form=AddForm, rule=rule, effects=effects, apply=apply, notice=False, undo="remove-domain",
    title=gettext_lazy("Add a domain"), button=gettext_lazy("Add the domain"),
    does=gettext_lazy("Starts the proof that a mail domain belongs to your organization."),
    does_not=gettext_lazy("Changes no account and takes control of none."),
    sentence=gettext_lazy("%(actor)s added the domain %(target)s"),
)
