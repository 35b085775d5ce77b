"""Release a hold on the audit log: two people, because what waited for it goes then."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers.log_keeping import ReleaseForm, words
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit import holds
from audit.models import Hold


def _hold(target: OrganizationTarget, data: Data) -> Hold | None:
    try:
        wanted = UUID(str(data.get("hold")))
    except ValueError:
        return None
    return Hold.objects.filter(org=target.id, id=wanted, within=None, released_at=None).first()


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    hold = _hold(target, data)
    if data.get("hold") and (hold is None or (hold.subject is not None and hold.subject == actor.account_id)):
        yield "not_found"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    hold, waiting = _hold(target, data), holds.waiting(org=target.id)
    found = [Effect("lost", f"hold:{hold.id}", _("This no longer holds: %(hold)s.") % {"hold": words(hold)})] if hold else []
    found.append(Effect("later", "removal", _("What is older than the log is kept goes with the next removal.")))
    if waiting:
        found.append(Effect("later", "erasures", ngettext(
            "%(n)d erasure waits for a hold and is carried out when nothing else holds it.", "%(n)d erasures wait for a hold and are carried out when nothing else holds them.", waiting)
            % {"n": waiting}))
    return [*found, Effect("kept", "record", _("The hold stays recorded, with who released it."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    hold = _hold(target, data)
    assert hold is not None
    holds.release(org=target.id, hold=hold.id, by=work.people, now=work.now)
    work.note(target.id, hold=str(hold.id), matter=hold.matter)


POWER = Power(
    slug="release-audit-hold", code="hold.release", event="data.hold.released", over="organization", permission="manage_holds", tier=3, form=ReleaseForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Release a hold on the audit log"), button=gettext_lazy("Release the hold"),
    does=gettext_lazy("Ends a hold: what it covered follows its time again, and erasures that waited are carried out."),
    does_not=gettext_lazy("Forgets nothing about the hold itself."),
    sentence=gettext_lazy("%(actor)s released a hold on the audit log"),
)
