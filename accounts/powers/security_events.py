"""Pause and resume the security events of a program, whatever the program itself wants (SSF 1.0, section 8.1.5)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization, SignalStream
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, receiving
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.signals import streams
from accounts.targets import OrganizationTarget
from accounts.work import Work


class StreamForm(StrictForm):
    """Whose security events; by the program's name or the stream's id."""

    program = AnyChoiceField(label=gettext_lazy("Program"), max_length=100)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The programs that set security events up."""
        self.fields["program"].choices = receiving.offered(sorted(((row.id, row.program) for row in _rows(organization)), key=lambda one: (one[1], str(one[0]))))  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The stream beside which the act was chosen."""
        return {"program": query.get("program", "")[:60]}


def _rows(organization: Organization) -> Any:
    return SignalStream.objects.filter(organization=organization).select_related("application__service", "application__installation__app")


def _chosen(target: OrganizationTarget, data: Data) -> SignalStream | None:
    """The stream that is meant. A name that two programs have means neither."""
    word, rows = str(data.get("program") or "").strip(), _rows(target.organization)
    found = choosing.found(rows, word, name="")
    named = [row for row in rows if row.program == word] if found is None and word else []
    return found or (named[0] if len(named) == 1 else None)


def _problems(actor: Actor, target: OrganizationTarget, data: Data) -> Iterable[str]:
    return receiving.problems(actor, data.get("program"), _chosen(target, data), (), unknown="unknown_signals")


def _loaded(work: Work, target: OrganizationTarget, data: Data) -> SignalStream:
    row = _chosen(target, data)
    assert row is not None
    fresh: SignalStream = choosing.locked(work, target.id, row, name=row.program)
    return fresh


def pause_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from _problems(actor, target, data)
    row = _chosen(target, data)
    if row is not None and (row.held_at is not None or row.status == "disabled"):
        yield "wrong_status"


def pause_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "paused", _("The program is told of nothing more: until you resume, it may not know that somebody was suspended or signed out. Its tokens end here all the same.")),
            Effect("kept", "waits", _("What happens meanwhile waits, for 30 days.")),
            Effect("later", "theirs", _("The program sees that it is paused, and cannot resume by itself."))]


def pause(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _loaded(work, target, data)
    row.held_at = work.now
    if row.status == "enabled":
        streams.say(row, "paused", now=work.now)


def resume_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from _problems(actor, target, data)
    row = _chosen(target, data)
    if row is not None and row.held_at is None and row.next_try is None:
        yield "nothing_to_change"


def resume_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = _chosen(target, data)
    waiting = row.waiting.filter(state="due").count() if row is not None else 0
    if row is not None and row.status != "enabled":
        return [Effect("later", "theirs", _("The program itself let its events wait or switched them off; they go on when it asks for them again."))]
    return [Effect("later", "catch_up", _("What waits is sent now, in order, or handed out when the program fetches it. Events that wait: %(n)d.") % {"n": waiting}, waiting)]


def resume(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _loaded(work, target, data)
    held, row.held_at = row.held_at, None
    receiving.goes_on(row)
    row.waiting.filter(state="due").update(next_try=None)
    if held is not None and row.status == "enabled":
        streams.say(row, "enabled", now=work.now)


PAUSE = Power(
    slug="pause-security-events", code="signals.pause", event="signals.paused", over="organization", permission="manage_apps", tier=1,
    form=StreamForm, rule=pause_rule, effects=pause_effects, apply=pause, notice=False, undo="resume-security-events",
    title=gettext_lazy("Pause the security events of a program"), button=gettext_lazy("Pause"),
    does=gettext_lazy("Stops telling a service or an app of security events."), does_not=gettext_lazy("Loses nothing for 30 days: what happens meanwhile waits. The program stays connected."),
    sentence=gettext_lazy("%(actor)s paused the security events of “%(target)s”"),
)
RESUME = Power(
    slug="resume-security-events", code="signals.resume", event="signals.resumed", over="organization", permission="manage_apps", tier=1,
    form=StreamForm, rule=resume_rule, effects=resume_effects, apply=resume, notice=False, undo="pause-security-events",
    title=gettext_lazy("Resume the security events of a program"), button=gettext_lazy("Resume"),
    does=gettext_lazy("Tells a service or an app of security events again, what waited first; also one whose next attempt is far off."),
    does_not=gettext_lazy("Wakes nothing that the program itself let wait."),
    sentence=gettext_lazy("%(actor)s resumed the security events of “%(target)s”"),
)
