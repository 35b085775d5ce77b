"""Ask for a copy: everything that is held about oneself, as files (policy B1, B2). Nobody can refuse it, and nobody is asked."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import lately
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm
from accounts.work import Work
from dsar.models import Copy, CopyState

MOST, WITHIN = 3, timedelta(days=1)
"""So many copies within that time: making one reads everything."""


def rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    rows = Copy.objects.filter(account_id=person.account.id, organization=None)
    if rows.filter(state=CopyState.ASKED).exists():
        yield "copy_under_way"
    elif rows.filter(asked_at__gt=now - WITHIN).count() >= MOST:
        yield "too_many_copies"


def effects(person: Person, _data: Data, now: datetime) -> list[Effect]:
    rests = lately.until(person.account, now)
    later = _("Because the way in to your account changed, it can be fetched from %(when)s on.")
    return [*([Effect("later", "rests", later % {"when": date_format(timezone.localtime(rests), "DATETIME_FORMAT")})] if rests else []),
            Effect("later", "copy", _("You get a mail when the copy is ready, usually within minutes. It can be fetched here for seven days, three times.")),
            Effect("kept", "data", _("Nothing changes and nothing is deleted."))]


def apply(work: Work, person: Person, _data: Data) -> None:
    row = Copy(id=uuid.uuid4(), account_id=person.account.id, language=person.account.language or "en", asked_at=work.now)
    work.add(row)
    work.note(person.id, copy=str(row.id))


POWER = Power(
    slug="request-copy", code="own.copy", event="package.requested", over="own_account", permission=None, tier=0, form=NoForm, rule=rule, effects=effects, apply=apply, notice=False, ladder=0,
    self_allowed=True, people_only=True,
    title=gettext_lazy("Get a copy of your data"), button=gettext_lazy("Ask for a copy"),
    does=gettext_lazy("Makes files of everything that is held about you, for you alone."), does_not=gettext_lazy("Changes nothing, deletes nothing, and tells nobody what is in it."),
    sentence=gettext_lazy("%(actor)s asked for a copy of their data"),
)
