"""An administrator says why an account that was reported as a child's may stay: the report ends, and the restriction with it, after the person was told (RIGHTS 3c)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization
from accounts.power import Data, Effect, Power
from accounts.purposes import FREED
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain
from dsar.powers import cases
from dsar.powers.cases import CaseForm
from dsar.restriction import states
from dsar.restriction.model import Restriction, Trigger

GROUNDS = [("adult", gettext_lazy("The person is old enough, as was checked")), ("guardian", gettext_lazy("Whoever is responsible for the child agreed")),
           ("lawful", gettext_lazy("It is lawful at this age, such as for an apprentice")), ("mistaken", gettext_lazy("The report means somebody else, or is not meant seriously"))]


class RebutForm(CaseForm):
    ground = forms.ChoiceField(label=gettext_lazy("What you found"), choices=[("", gettext_lazy("Choose one")), *GROUNDS])
    private_note = forms.CharField(label=gettext_lazy("How you know"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                                   help_text=gettext_lazy("What you looked at, and who did. Only administrators and the audit log see it. Keep no copy of a document."))
    field_order = ["request", "ground", "message", "private_note"]

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The reports that wait."""
        rows = cases.visible(organization.id, actor).filter(channel="report", state__in=("triage", "planned")).select_related("account").order_by("received_at")[:500]
        found: Any = self.fields["request"]
        found.choices = [("", gettext_lazy("Choose one")), *((str(r.id), f"{r.reference} · {r.account.name or r.account.email}") for r in rows)]


def _restriction(target: OrganizationTarget, data: Data, *, lock: bool = False) -> Restriction | None:
    """The restriction that the report brought, if nobody has decided about it."""
    row = cases.chosen(target.id, data)
    rows = Restriction.objects.select_for_update() if lock else Restriction.objects.all()
    found = rows.filter(organization_id=target.id, account_id=row.account_id, trigger=Trigger.CHILD).exclude(state=states.S.LIFTED).first() if row else None
    return found if states.may(found, "announce") else None


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    found = cases.effects_of("rebutted")(target, data, now)
    if data.get("request") and _restriction(target, data) is not None:
        found.append(Effect("later", "lifted", _("What is held about the person may be used again in three days. They are told now.")))
    return [*found, Effect("kept", "again", _("For a year the same report changes nothing."))]


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    return cases.rule_of("rebutted")(actor, target, data, now)


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    cases.act_of("rebutted")(work, target, data)
    row = _restriction(target, data, lock=True)
    if row is not None:
        work.track(row)
        states.go(row, "announce", now=work.now)
        row.ground, row.freeing = "checked", list(FREED)
        work.note(target.id, restriction=str(row.id), lift_at=plain(row.lift_at))


POWER = Power(
    slug="rebut-child-report", code="case.rebut_child_report", event="case.rebutted", over="organization", permission="manage_requests", tier=1, form=RebutForm, rule=rule, effects=effects,
    apply=apply, notice=False,
    title=gettext_lazy("Answer a report that an account is a child’s"), button=gettext_lazy("The account stays"),
    does=gettext_lazy("Says what you checked, and ends the report. The restriction that came with it ends after the person was told."),
    does_not=gettext_lazy("Tells whoever reported it nothing, and hands nothing out."),
    sentence=gettext_lazy("%(actor)s showed that the account of %(target)s may stay, although somebody had reported it as a child’s"),
)
POWERS: tuple[Power, ...] = (POWER,)
