"""The person ends one of their own sessions, for example on a device they lost."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Power
from accounts.powers.forms import NoForm
from accounts.targets import SessionTarget
from accounts.work import Work


def rule(_actor: Actor, target: SessionTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if target.session.ended_at is not None:
        yield "wrong_status"


def apply(work: Work, target: SessionTarget, _data: Data) -> None:
    work.one_session[target.session.id] = "ended_by_person"


POWER = Power(
    slug="end-own-session", code="own.end_session", event="session.ended_by_person", over="session", permission=None, tier=0, form=NoForm,
    rule=rule, apply=apply, ladder=0, self_allowed=True, notice=False,
    title=gettext_lazy("End this session"), button=gettext_lazy("End session"),
    does=gettext_lazy("Signs out the device at once."),
    does_not=gettext_lazy("Does not change your password."),
    sentence=gettext_lazy("%(actor)s ended one of their sessions"),
)
