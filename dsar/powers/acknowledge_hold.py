"""A person says that they read the notice of a legal hold."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Power
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.work import Work
from dsar.holds.models import HoldNotice


class ReadForm(StrictForm):
    notice = AnyChoiceField(max_length=36, label=gettext_lazy("Notice"), required=False, help_text=gettext_lazy("Where only one waits, you need not name it."))

    @staticmethod
    def initial_from(query: QueryDict) -> dict[str, str]:
        """The notice beside which it was chosen."""
        return {"notice": query.get("notice", "")}


def waiting(person: Person, data: Data) -> HoldNotice | None:
    """The notice of theirs that is meant and was not read yet; where they name none, the only one."""
    word = str(data.get("notice") or "")
    with installation("a person's own notices of holds"):
        found = list(HoldNotice.objects.filter(account_id=person.account.id, acknowledged_at=None, ended_at=None).order_by("told_at"))
    return next((row for row in found if str(row.id) == word), None) if word else found[0] if len(found) == 1 else None


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if waiting(person, data) is None:
        yield "no_hold_notice"


def apply(work: Work, person: Person, data: Data) -> None:
    row = waiting(person, data)
    if row is None:
        raise Stale
    with installation("a person answers a notice of any of their organizations"):
        HoldNotice.objects.filter(id=row.id).update(acknowledged_at=work.now)
    work.note(person.id, notice=str(row.id))
    if row.organization_id != (person.management.organization_id if person.management else None):
        work.answered.append((row.organization_id, POWER.event, person.account.email, {"notice": str(row.id)}))


POWER = Power(
    slug="acknowledge-hold", code="own.hold_read", event="data.legal_hold.acknowledged", over="own_account", permission=None, tier=0, form=ReadForm, rule=rule, apply=apply, ladder=0,
    self_allowed=True, notice=False,
    title=gettext_lazy("Say that you read the notice of a hold"), button=gettext_lazy("I read it"),
    does=gettext_lazy("Tells the organization that you know what has to stay."), does_not=gettext_lazy("Agrees to nothing, and gives nothing away."),
    sentence=gettext_lazy("%(actor)s read the notice of a legal hold"),
)
