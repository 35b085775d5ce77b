"""A code with which somebody who cannot sign in fetches their copy: given to them by another way than mail, so that a mailbox alone opens nothing (RIGHTS 5)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.cases import engine, fetching
from dsar.models import Copy
from dsar.powers import cases
from dsar.powers.cases import CaseForm

GIVEN = [("", gettext_lazy("Choose one")), ("in_person", gettext_lazy("In person, to somebody you know")), ("called_back", gettext_lazy("By telephone, on a number that was known before")),
         ("letter", gettext_lazy("By letter, to a postal address that was known before"))]


class FetchCodeForm(CaseForm):
    message = None  # type: ignore[assignment]  # the letter is always the same
    given = forms.ChoiceField(label=gettext_lazy("How you give them the code"), choices=GIVEN, help_text=gettext_lazy("Never by mail: the mailbox is the other proof."))
    field_order = ["request", "given", "private_note"]


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    if actor.kind != "user":
        yield "by_person_only"
    stands = list(cases.rule_of("fetch_code")(actor, target, data, now))
    yield from stands
    row = cases.chosen(target.id, data) if data.get("request") and not stands else None
    if row is None:
        return
    if row.account.status == "active":
        yield "can_sign_in"
    elif not fetching.vouched(row.happenings.all()):
        yield "not_vouched"
    elif fetching.waits(row) is None:
        yield "nothing_to_fetch"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = cases.chosen(target.id, data)
    return [Effect("later", "shown_once", _("The code is shown once, to you. Give it to the person the way you chose. An earlier code for this copy ends.")),
            Effect("kept", "two_proofs", _("It opens nothing by itself: the person also needs their mailbox, and after five wrong codes a new one has to be made.")),
            Effect("later", "told", _("The person is told by mail that there is a code, and how they get it. The code is in no mail.")),
            *([Effect("kept", "case", _("Request %(reference)s") % {"reference": row.reference}, row.version)] if row else [])]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    loaded = engine.load(row.id, organization_id=target.id)
    found = fetching.waits(row)
    copy = Copy.objects.select_for_update().filter(id=found.id).first() if found else None
    if copy is None:
        raise Stale
    work.track(copy)
    code, copy.code_hash = fetching.mint(copy)
    copy.code_tries = 0
    facts = engine.go(work, loaded, "fetch_code", who="administrator", actor=work.people[0] if work.people else None, data={"code": str(data["given"])})
    work.note(target.id, _also=[row.account], _about=row.account_id, _secret=code, copy=str(copy.id), **facts)


POWER = Power(
    slug="make-fetch-code", code="case.fetch_code", event="case.fetch_code", over="organization", permission="manage_requests", tier=2, form=FetchCodeForm, rule=rule, effects=effects, apply=apply,
    notice=False, people_only=True,
    title=gettext_lazy("Make a code for somebody who cannot sign in"), button=gettext_lazy("Make the code"),
    does=gettext_lazy("Makes the code that the person needs, beside their mailbox, to fetch the copy that they asked for. Only where two people vouched for who asked."),
    does_not=gettext_lazy("Sends the code to nobody, and opens the copy for nobody in your organization."),
    sentence=gettext_lazy("%(actor)s made a code with which %(target)s can fetch what they asked for"),
)
