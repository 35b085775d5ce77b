"""Suspend a service, bring it back, remove it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import holding
from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, services
from accounts.powers.forms import StrictForm, note_field
from accounts.powers.services import TypedNameForm
from accounts.powers.shared_service_access import TOLD
from accounts.services import ways
from accounts.services.reached import Many
from accounts.targets import ServiceTarget
from accounts.webhooks import ending
from accounts.work import Work


class NoteForm(StrictForm):
    private_note = note_field()


def suspend_rule(actor: Actor, target: ServiceTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if target.service.state != "active":
        yield "wrong_status"


def suspend_effects(target: ServiceTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [_people(target, "lost"), Effect("lost", "tokens", _("Every sign-in and token by which somebody is in the service ends.")),
            Effect("later", "webhooks", _("Its webhooks and its stream of security events rest until it is restored.")),
            Effect("kept", "access", _("Who has access is kept, and works again when the service is restored."))]


def _people(target: ServiceTarget, kind: str) -> Effect:
    n = len(ways.members([target.id]))
    if kind == "kept":
        return Effect("kept", "people", ngettext("%(n)d person can use the service again.", "%(n)d people can use the service again.", n) % {"n": n}, n)
    return Effect("lost", "people", ngettext("%(n)d person cannot use the service any more.", "%(n)d people cannot use the service any more.", n) % {"n": n}, n)


def suspend(work: Work, target: ServiceTarget, _data: Data) -> None:
    target.service.state = "suspended"
    work.note(target.id, tokens=services.end_everywhere(target.service, work))


def restore_rule(actor: Actor, target: ServiceTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if target.service.state != "suspended":
        yield "wrong_status"


def restore_effects(target: ServiceTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [_people(target, "kept"), Effect("later", "sign_in", _("They sign in to it anew."))]


def restore(_work: Work, target: ServiceTarget, _data: Data) -> None:
    target.service.state = "active"


def remove_rule(actor: Actor, target: ServiceTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if holding.keeps_service(organization=target.service.organization_id, service=target.id):
        yield "on_hold"
    if data and str(data.get("name") or "").strip() != target.service.name:
        yield "wrong_name"


def remove_effects(target: ServiceTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [_people(target, "lost"), Effect("lost", "access", _("Who had access is not kept. What was done about it stays in the audit log.")),
            Effect("lost", "tokens", _("Every sign-in and token by which somebody is in the service ends.")),
            Effect("lost", "webhooks", _("Its webhooks and its stream of security events are removed, with what was still to be sent.")),
            Effect("kept", "theirs", _("What the service itself holds about people stays there. Ask whoever runs it to delete it.")), TOLD]


def remove(work: Work, target: ServiceTarget, _data: Data) -> None:
    tokens = services.end_everywhere(target.service, work)
    gone = ending.end(services=[target.id], now=work.now)
    held = ways.members([target.id])
    work.for_many.append(Many(target=target.id, organization=target.service.organization_id, services=[(target.id, target.service.name)]))
    work.remove_last(target.service)
    work.note(target.id, name=target.service.name, people=len(held), tokens=tokens, **gone)


SUSPEND = Power(
    slug="suspend-service", code="service.suspend", event="service.suspended", over="service", permission="manage_apps", tier=1, form=NoteForm, rule=suspend_rule, effects=suspend_effects,
    apply=suspend, notice=False, undo="restore-service",
    title=gettext_lazy("Suspend the service"), button=gettext_lazy("Suspend"),
    does=gettext_lazy("Lets nobody in any more, at once."), does_not=gettext_lazy("Takes nobody’s access away for good, and deletes nothing."),
    sentence=gettext_lazy("%(actor)s suspended the service “%(target)s”"),
)
RESTORE = Power(
    slug="restore-service", code="service.restore", event="service.restored", over="service", permission="manage_apps", tier=1, form=NoteForm, rule=restore_rule, effects=restore_effects,
    apply=restore, notice=False, undo="suspend-service",
    title=gettext_lazy("Restore the service"), button=gettext_lazy("Restore"),
    does=gettext_lazy("Lets in again who has access."), does_not=gettext_lazy("Brings no sign-in back that ended."),
    sentence=gettext_lazy("%(actor)s restored the service “%(target)s”"),
)
REMOVE = Power(
    slug="remove-service", code="service.remove", event="service.removed", over="service", permission="manage_apps", tier=2, ladder=2, form=TypedNameForm, rule=remove_rule, effects=remove_effects,
    apply=remove, notice=False, instead="suspend-service",
    title=gettext_lazy("Remove the service"), button=gettext_lazy("Remove the service"),
    does=gettext_lazy("Ends the service here for good: who had access, its secret, and every sign-in."),
    does_not=gettext_lazy("Deletes nothing that the service itself holds. To keep who has access, suspend it instead."),
    sentence=gettext_lazy("%(actor)s removed the service “%(target)s”"),
)
