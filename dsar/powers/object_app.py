"""The person objects to an app having their information (policy B8): a request to the organization, with its clock, like every other right."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Installation, Membership
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.work import Work
from dsar.cases import engine, intake
from dsar.powers.cases import write_own


class ObjectForm(StrictForm):
    app = AnyChoiceField(label=gettext_lazy("App"), max_length=36, help_text=gettext_lazy("The id of its installation, as your page of apps shows it."))
    message = forms.CharField(label=gettext_lazy("Why you object"), required=False, max_length=1500, widget=forms.Textarea(attrs={"rows": 4}),
                              help_text=gettext_lazy("Optional, from your own situation. Do not send copies of documents."))

    @staticmethod
    def initial_from(query: QueryDict) -> dict[str, str]:
        return {"app": query.get("app", "")[:36]}


def mine(people: Sequence[Person]) -> None:
    """extra["apps"]: the apps that are or were installed where each person is or was, by the id of the installation."""
    for person in people:
        with installation("apps of a person's own organizations"):
            there = Membership.objects.filter(account_id=person.account.id).exclude(status="invited").values("organization_id")
            rows = Installation.objects.filter(organization_id__in=there).select_related("app", "organization")
            person.extra["apps"] = {str(row.id): row for row in rows}


def meant(person: Person, data: Data) -> Installation | None:
    rows: dict[str, Installation] = person.extra["apps"]  # type: ignore[assignment]
    return rows.get(str(data.get("app") or ""))


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if data.get("app") and meant(person, data) is None:
        yield "unknown_app"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "receipt", _("You get a receipt with a reference and the date by which you are answered.")),
            Effect("kept", "grant", _("What you allowed it goes on until you take it back, which you can do at once."))]


def apply(work: Work, person: Person, data: Data) -> None:
    row = meant(person, data)
    if row is None:
        raise Stale
    said = str(data.get("message") or "").strip()
    about = {"app": row.app.name, "provider": row.app.provider, "words": said}
    words = _("I object to the app “%(app)s” of %(provider)s having my information. %(words)s") % about if said else _("I object to the app “%(app)s” of %(provider)s having my information.") % about
    with installation("a person asks one of their own organizations"):
        got = intake.receive(work, organization=row.organization, account=person.account, rights=["object"], channel="page", level=2, who="person", actor=person.account.id, words=words)
        facts = got.facts
        if got.again:  # one objection is under way already: it reaches this app too
            work.note(person.id, case=str(got.loaded.case.id), again=True)
            loaded = engine.load(got.loaded.case.id, account_id=person.account.id)
            facts = [engine.go(work, loaded, "added", who="person", actor=person.account.id, data={"words": words})]
    named = {"app": row.app.slug, "installation": str(row.id)}
    write_own(work, person, row.organization_id, [{**one, **named} for one in facts])


POWER = Power(
    slug="object-app", code="own.app_object", event="case.received", over="own_account", permission=None, tier=1, form=ObjectForm, rule=rule, effects=effects, apply=apply, gather=(mine,),
    ladder=0, self_allowed=True, people_only=True, notice=False, always=True,
    title=gettext_lazy("Object to an app"), button=gettext_lazy("Send the objection"),
    does=gettext_lazy("Asks the organization that an app no longer has your information. It has to answer by a date that you are told."),
    does_not=gettext_lazy("Removes nothing by itself, and ends nothing that you allowed the app."),
    sentence=gettext_lazy("%(actor)s objected to an app"),
)
