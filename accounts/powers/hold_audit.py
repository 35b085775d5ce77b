"""Place a hold on the audit log: what it covers stays until two people release it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers.log_keeping import HoldForm, person_of
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit import holds


def rule(_actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if data.get("person") and data.get("kind") == "subject" and person_of(target.id, data["person"]) is None:
        yield "not_found"


def effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "held", _("What the hold covers is not removed when its time is over.")),
            Effect("kept", "disclosures", _("Nobody whom it covers is erased from the log; the request waits, and the log says so.")),
            Effect("later", "release", _("It stays until two people release it."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    kind = str(data["kind"])
    person = person_of(target.id, data.get("person")) if kind == "subject" else None
    days = {name: _day(data[name]) for name in ("first_day", "last_day")} if kind == "range" else {}
    hold = holds.place(org=target.id, kind=kind, matter=str(data["matter"]), ground=str(data["private_note"]), by=next(iter(work.people), None), now=work.now,  # type: ignore[arg-type]
                       subject=person.account_id if person else None, **days)
    # Whom it is on stands in the row that the entry names: a hold must not be found by whoever only reads the log.
    facts = {"hold": str(hold.id), "matter": hold.matter, "kind": kind, **{name: str(day) for name, day in days.items()}}
    work.note(target.id, **facts, **({"_about": hold.subject} if hold.subject else {}))


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


POWER = Power(
    slug="hold-audit", code="hold.place", event="data.hold.placed", over="organization", permission="manage_holds", tier=1, form=HoldForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Place a hold on the audit log"), button=gettext_lazy("Place the hold"),
    does=gettext_lazy("Keeps entries, and the personal values in them, for a legal matter."),
    does_not=gettext_lazy("Tells nobody whom it covers, and limits nobody's access."),
    sentence=gettext_lazy("%(actor)s placed a hold on the audit log"),
)
