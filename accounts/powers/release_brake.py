"""Release the brake: a second person agrees that somebody who was paused goes on (guard rail 12)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.work import Work, plain


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if not person.extra["brake"]:
        yield "not_paused"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [
        Effect("kept", "brake", _("They may act on people again. What they did before stays done; look at it in the audit log first.")),
        Effect("later", "count", _("Counting begins anew: after as many acts within a day they are paused again.")),
    ]


def apply(work: Work, person: Person, _data: Data) -> None:
    for row in person.extra["brake"]:  # type: ignore[attr-defined]
        work.track(row)
        work.note(person.id, paused_at=plain(row.paused_at), over=row.paused_over)
        row.paused_at, row.paused_over, row.hits = None, "", {}
    work.touch(person.membership)


POWER = Power(
    slug="release-brake", code="actor.release_brake", event="actor.pause_released", over="member", permission="approve_plans", tier=2, form=ReasonForm, rule=rule, effects=effects, apply=apply,
    gather=(gathering.brake,), owner_lock=True,
    always=True,
    title=gettext_lazy("Let them go on"), button=gettext_lazy("Let them go on"),
    does=gettext_lazy("Ends the pause of somebody who did more harmful acts within a day than one person should."),
    does_not=gettext_lazy("Undoes nothing of what they did, and gives no further powers."),
    sentence=gettext_lazy("%(actor)s agreed that %(target)s goes on"),
)
