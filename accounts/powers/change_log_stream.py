"""What may be done with a log stream: pause it, let it go on, give it another secret, remove it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers import log_streams, receiving
from accounts.powers.log_streams import StartForm, StreamForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit.models import StreamAttempt


def pause_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return log_streams.problems(actor, target, data, "active")


def pause_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "paused", _("Nothing more is sent. A batch that is on its way still arrives.")), Effect("kept", "place", _("Its place in the log is kept; it can go on from there."))]


def pause(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = log_streams.loaded(work, target, data)
    row.state, row.paused_why = "paused", "asked"


def resume_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from log_streams.problems(actor, target, data)
    row = log_streams.chosen(target, data)
    if row is not None and data.get("start", "stood") == "stood" and row.state == "active" and row.next_try is None:
        yield "nothing_to_change"
    if data.get("start") == "entry" and (data.get("after") or 0) > log_streams.size(target.id):
        yield "beyond_log"


def resume_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = log_streams.chosen(target, data)
    if row is None or data.get("start", "stood") == "stood":
        return [Effect("later", "catch_up", _("Everything since its last entry is sent now, in order."))]
    fresh = int(data.get("after") or 0) if data["start"] == "entry" else log_streams.size(target.id)
    if fresh > row.seq:
        words = _("The entries from %(first)d to %(last)d are never sent to this receiver.")
        return [Effect("lost", "skipped", words % {"first": row.seq + 1, "last": fresh})]
    return [Effect("later", "again", _("The entries from number %(first)d on are sent, also those that were sent before.") % {"first": fresh + 1})]


def resume(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = log_streams.loaded(work, target, data)
    start = str(data.get("start") or "stood")
    if start != "stood":
        row.seq, row.upto = (int(data.get("after") or 0) if start == "entry" else log_streams.size(target.id)), None
    row.state, row.paused_why = "active", ""
    receiving.goes_on(row)
    work.note(target.id, start=start, after=row.seq)


def rotate_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from log_streams.problems(actor, target, data)
    row = log_streams.chosen(target, data)
    if row is not None and row.kind != "webhook":
        yield "wrong_status"


def rotate(work: Work, target: OrganizationTarget, data: Data) -> None:
    receiving.rotate(work, target.id, log_streams.loaded(work, target, data))


def remove_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    return log_streams.problems(actor, target, data)


def remove_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "place", _("Its place, its secret and its delivery log are gone. What was sent stays with the receiver.")), Effect("kept", "log", _("The audit log itself stays as it is."))]


def remove(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = log_streams.loaded(work, target, data)
    StreamAttempt.objects.filter(stream=row.id).delete()
    work.remove_last(row)
    work.note(target.id, sent=row.seq)


class ResumeForm(StreamForm, StartForm):
    start = forms.ChoiceField(label=gettext_lazy("Go on"), initial="stood", choices=[
        ("stood", gettext_lazy("from where it stood")), ("now", gettext_lazy("with what is recorded from now on")), ("entry", gettext_lazy("after an entry"))])
    field_order = ("stream", "start", "after")


PAUSE = Power(
    slug="pause-log-stream", code="audit.stream_pause", event="audit.stream_paused", over="organization", permission="manage_settings", tier=2,
    form=StreamForm, rule=pause_rule, effects=pause_effects,
    apply=pause, notice=False, undo="resume-log-stream",
    title=gettext_lazy("Pause a log stream"), button=gettext_lazy("Pause"),
    does=gettext_lazy("Stops sending entries to a receiver."),
    does_not=gettext_lazy("Loses nothing: the stream can go on where it stood."),
    sentence=gettext_lazy("%(actor)s paused the log stream “%(target)s”"),
)
RESUME = Power(
    slug="resume-log-stream", code="audit.stream_resume", event="audit.stream_resumed", over="organization", permission="manage_settings", tier=2,
    form=ResumeForm, rule=resume_rule, effects=resume_effects,
    apply=resume, notice=False, undo="pause-log-stream",
    title=gettext_lazy("Resume a log stream"), button=gettext_lazy("Resume"),
    does=gettext_lazy("Sends again: from where it stood, from now on, or after an entry you name. A stream that waits after failures tries at once."),
    does_not=gettext_lazy("Changes neither the address nor the secret."),
    sentence=gettext_lazy("%(actor)s resumed the log stream “%(target)s”"),
)
ROTATE = Power(
    slug="rotate-log-stream-secret", code="audit.stream_rotate", event="audit.stream_secret_rotated", over="organization", permission="manage_settings", tier=2,
    form=StreamForm, rule=rotate_rule,
    effects=receiving.rotate_effects, apply=rotate, notice=False,
    title=gettext_lazy("Renew the secret of a log stream"), button=gettext_lazy("Make a new secret"),
    does=gettext_lazy("Makes a new secret for the signatures of a webhook."), does_not=gettext_lazy("Interrupts nothing: for a day both secrets sign."),
    sentence=gettext_lazy("%(actor)s renewed the secret of the log stream “%(target)s”"),
)
REMOVE = Power(
    slug="remove-log-stream", code="audit.stream_remove", event="audit.stream_removed", over="organization", permission="manage_settings", tier=2,
    form=StreamForm, rule=remove_rule, effects=remove_effects,
    apply=remove, notice=False,
    title=gettext_lazy("Remove a log stream"), button=gettext_lazy("Remove the log stream"),
    does=gettext_lazy("Ends a log stream for good."), does_not=gettext_lazy("Takes nothing back that the receiver already has."),
    sentence=gettext_lazy("%(actor)s removed the log stream “%(target)s”"),
)
