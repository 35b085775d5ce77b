"""The person adds to a request that is under way: words, or a file that shows what is right (RIGHTS 3c)."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.work import Work
from dsar.cases import engine, evidence
from dsar.cases.models import Evidence, Right
from dsar.powers import cases
from dsar.powers.cases import OwnForm


class Chosen(forms.FileInput):
    """A page offers a file; the form takes it as text, as from everywhere."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: object, name: str) -> Any:
        return data.get(name)


class AddForm(OwnForm):
    BODY = 3 * 1024 * 1024
    """What a program sends with a file of the largest size, in base64."""

    message = forms.CharField(label=gettext_lazy("Your words to them"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional where you add a file."))
    file = forms.CharField(label=gettext_lazy("File"), required=False, max_length=evidence.TEXT, error_messages={"max_length": gettext_lazy("The file is larger than 2 MB.")},
                           widget=Chosen(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.txt"}),
                           help_text=gettext_lazy("Optional, with a request for correction: PDF, PNG, JPEG or plain text, at most 2 MB; from programs in base64."
                                                 " Black out what is not needed. It is destroyed with the answer."))

    def clean_file(self) -> str:
        text = str(self.cleaned_data["file"] or "")
        if text:
            evidence.checked(evidence.decoded(text))
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and not cleaned.get("file") and not str(cleaned.get("message") or "").strip():
            self.add_error("message", forms.ValidationError(_("Write something, or choose a file."), code="required"))
        return cleaned


def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = cases.own(person, data, "added")
    if row is None:
        yield "unknown_request"
        return
    yield from cases.codes(row, "added", "person", person.account.id, {}, now)
    if data.get("file"):
        if not row.actions.filter(right__in=(Right.CORRECT, Right.CHILD)).exists():
            yield "no_files_here"
        elif Evidence.objects.filter(case_id=row.id).count() >= evidence.MOST:
            yield "too_much_added"


def effects(_person: Person, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "told", _("Those who answer requests are told."))]
    if data.get("file"):
        found.append(Effect("later", "destroyed", _("The file lies sealed. Whoever fetches it is written down, and it is destroyed once your request is answered.")))
    return found


def add(work: Work, person: Person, data: Data) -> None:
    row = cases.own(person, data, "added")
    assert row is not None
    loaded = engine.load(row.id, account_id=person.account.id)
    made = evidence.sealed(loaded.case, evidence.decoded(str(data["file"])), work.now) if data.get("file") else None
    facts = {"evidence": str(made.id), "kind": str(made.kind), "size": made.size} if made else {}
    if made is not None:
        work.add(made)
    said = engine.go(work, loaded, "added", who="person", actor=person.account.id, data={"words": str(data.get("message") or "").strip(), "facts": facts})
    cases.write_own(work, person, row.organization_id, [{**said, **facts}])


POWER = Power(
    slug="add-to-request", code="own.request_add", event="case.added", over="own_account", permission=None, tier=0, form=AddForm, rule=rule, effects=effects, apply=add, notice=False, ladder=0,
    self_allowed=True, people_only=True, always=True,
    title=gettext_lazy("Add to a request"), button=gettext_lazy("Add it"),
    does=gettext_lazy("Adds words to a request of yours that is under way, or a file that shows what is right."), does_not=gettext_lazy("Opens no second request, and moves no date."),
    sentence=gettext_lazy("%(actor)s added to a request of theirs"),
)
POWERS: tuple[Power, ...] = (POWER,)
