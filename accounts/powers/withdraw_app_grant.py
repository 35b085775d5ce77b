"""The person takes back what they allowed an app (policy B7, POWERS P5). Nobody can refuse it, and no organization can switch it off."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import AppGrant, OAuthApplication
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.work import Work


class GrantForm(StrictForm):
    grant = AnyChoiceField(label=gettext_lazy("App"), max_length=36, required=False, help_text=gettext_lazy("Its id. Where you allowed only one app something, you need not name it."))

    @staticmethod
    def initial_from(query: QueryDict) -> dict[str, str]:
        return {"grant": query.get("grant", "")[:36]}


def meant(person: Person, data: Data) -> AppGrant | None:
    """What the person allowed and means; where they name nothing, the only one."""
    word = str(data.get("grant") or "")
    with installation("what a person allowed apps of their own organizations"):
        rows = list(AppGrant.objects.filter(account_id=person.account.id, ended_at=None).select_related("installation__app").order_by("granted_at"))
    return next((row for row in rows if str(row.id) == word), None) if word else rows[0] if len(rows) == 1 else None


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if meant(person, data) is None:
        yield "no_app_grant"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "access", _("The app can do nothing more in your name, at once.")),
            Effect("kept", "theirs", _("What it already has stays with its provider. Object, or ask for erasure, if it should go."))]


def apply(work: Work, person: Person, data: Data) -> None:
    from accounts.oauth import ending

    row = meant(person, data)
    if row is None:
        raise Stale
    with installation("a person takes back what they allowed an app of one of their organizations"):
        if not AppGrant.objects.filter(id=row.id, ended_at=None).update(ended_at=work.now, ended_why="withdrawn"):
            raise Stale
        clients = list(OAuthApplication.objects.filter(installation_id=row.installation_id).values_list("id", flat=True))
        ended = ending.end(accounts=[person.account.id], clients=clients, now=work.now)
    facts = {"app": row.installation.app.slug, "installation": str(row.installation_id), "tokens": ended}
    work.note(person.id, **facts)
    if row.organization_id != (person.management.organization_id if person.management else None):
        work.answered.append((row.organization_id, POWER.event, person.account.email, facts))


POWER = Power(
    slug="withdraw-app-grant", code="own.app_grant_withdraw", event="app.grant_withdrawn", over="own_account", permission=None, tier=0, form=GrantForm, rule=rule, effects=effects, apply=apply,
    ladder=0, self_allowed=True, people_only=True, notice=False, always=True,
    title=gettext_lazy("Take back what you allowed an app"), button=gettext_lazy("Take it back"),
    does=gettext_lazy("Ends what an app may do in your name, at once."), does_not=gettext_lazy("Removes the app for nobody else."),
    sentence=gettext_lazy("%(actor)s took back what they had allowed an app"),
)
