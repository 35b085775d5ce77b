"""Open what is in a managed account, with a second person, on a ground, for some days; and end that (POWERS P3 "in", policy A3)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm, note_field
from accounts.schedules import words
from accounts.work import Work, plain
from dsar.content import life, readers
from dsar.content.model import ContentAccess

LONGEST, LATEST = 14, 30
"""For how many days at most somebody reads, and how many days later at most the person is told."""
GROUNDS = [
    ("security_incident", gettext_lazy("A security incident has to be cleared up")),
    ("misconduct", gettext_lazy("There is a concrete suspicion of serious misconduct")),
    ("legal_claims", gettext_lazy("Legal claims have to be made or answered")),
    ("legal_duty", gettext_lazy("A law or an authority demands it")),
    ("person_away", gettext_lazy("The person is away, and work cannot wait for them")),
    ("person_asked", gettext_lazy("The person asked for it")),
]
DELAYS = [
    ("evidence", gettext_lazy("Evidence would be destroyed")),
    ("danger", gettext_lazy("Somebody would be in danger")),
    ("authority", gettext_lazy("An authority demanded it in writing")),
]
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def with_delay(form: forms.Form, cleaned: dict[str, Any]) -> dict[str, Any]:
    """Telling the person later needs a ground, and a ground without a delay means nothing."""
    if cleaned.get("delay") and not cleaned.get("delay_ground"):
        form.add_error("delay_ground", ValidationError(_("Say why the person is told later."), code="required"))
    elif cleaned.get("delay_ground") and cleaned.get("delay") == 0:
        form.add_error("delay", ValidationError(_("Say how many days later, or choose that they are told at once."), code="required"))
    return cleaned


class ViewForm(StrictForm):
    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *GROUNDS],
                                    help_text=gettext_lazy("Goes to the audit log, and to the person with the notice."))
    message = forms.CharField(label=gettext_lazy("What it is about"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("The second person decides by it, the person reads it in the notice, and every page that you open shows it."))
    kinds = forms.MultipleChoiceField(label=gettext_lazy("What is opened"), choices=readers.choices, widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("Choose only what you need."))
    since = forms.DateField(label=gettext_lazy("From the day"), required=False, widget=_DAY, help_text=gettext_lazy("Optional. Nothing is opened from before your organization managed the account."))
    until = forms.DateField(label=gettext_lazy("To the day"), required=False, widget=_DAY, help_text=gettext_lazy("Optional. Both days are included, in UTC."))
    days = forms.IntegerField(label=gettext_lazy("For how many days you may read"), min_value=1, max_value=LONGEST, initial=3,
                              help_text=gettext_lazy("From 1 to 14, from the moment in which the second person agrees."))
    delay = forms.IntegerField(label=gettext_lazy("Tell the person so many days later"), min_value=0, max_value=LATEST, initial=0, required=False,
                               help_text=gettext_lazy("From 0 to 30. With 0 the person is told at once. They are always told; nobody can change that later."))
    delay_ground = forms.ChoiceField(label=gettext_lazy("Why they are told later"), required=False, choices=[("", gettext_lazy("They are told at once")), *DELAYS])
    private_note = note_field()

    def clean_delay(self) -> int:
        return int(self.cleaned_data["delay"] or 0)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("since") and cleaned.get("until") and cleaned["since"] > cleaned["until"]:
            self.add_error("until", ValidationError(_("The last day is before the first day."), code="reversed"))
        return with_delay(self, cleaned)


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.status == "invited":
        yield "wrong_status"
    if set(data.get("kinds") or ()) - set(readers.kinds()):
        yield "unknown_kind"  # it was there when it was asked for


def effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    days, delay, kinds = int(data.get("days") or 3), int(data.get("delay") or 0), readers.kinds()
    begun = words.at(person.management.since) if person.management else ""
    told = (ngettext("The person is told %(n)d day after it began, by mail, of everything that was opened. Nobody can put it off.",
                     "The person is told %(n)d days after it began, by mail, of everything that was opened. Nobody can put it off.", delay) % {"n": delay}
            if delay else _("The person is told at once, by mail: by whom, on which ground, of what and until when."))
    return [
        *(Effect("later", f"opens:{key}", _("You alone can read: %(what)s.") % {"what": kinds[key].title}) for key in data.get("kinds") or () if key in kinds),
        Effect("later", f"days:{days}", ngettext("Reading ends by itself %(n)d day after a second person agreed, or before that if your rights, theirs or the management change.",
                                                 "Reading ends by itself %(n)d days after a second person agreed, or before that if your rights, theirs or the management change.",
                                                 days) % {"n": days}),
        Effect("later", "ledger", _("Each item that you open is an entry in the audit log, and stands on the person’s own page.")),
        Effect("later", f"told:{delay}:{data.get('delay_ground') or ''}", told),
        Effect("kept", "sealed",
               _("Nothing from before %(when)s is opened, when your organization began to manage the account; nor what the person wrote about their rights, and no secret.") % {"when": begun}),
        Effect("kept", "data", _("Nothing can be changed, deleted or taken away as a file.")),
    ]


def _day(value: Any) -> date | None:
    """A day of the form; in an approved plan it is text."""
    return date.fromisoformat(value) if isinstance(value, str) and value else value or None


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    delay = int(data.get("delay") or 0)
    row = ContentAccess(
        id=uuid.uuid4(), organization_id=person.membership.organization_id, account_id=person.account.id, viewer=work.people[0], approved_by=next(iter(work.people[1:]), None),
        ground=str(data["reason_code"]), words=str(data["message"]), kinds=list(data["kinds"]), since=_day(data.get("since")), until=_day(data.get("until")), granted_at=work.now,
        ends_at=work.now + timedelta(days=int(data["days"])), tell_at=work.now + timedelta(days=delay), told_at=None if delay else work.now)
    work.add(row)
    work.note(person.id, **life.facts(row), kinds=list(row.kinds), since=plain(row.since), until=plain(row.until), ends_at=plain(row.ends_at),
              **({"delay_ground": str(data.get("delay_ground"))} if delay else {}))


VIEW = Power(
    slug="view-content", code="data.view", event="data.view_granted", over="member", permission="view_content", tier=3, form=ViewForm, rule=rule, effects=effects, apply=apply,
    account_power=True, people_only=True,
    title=gettext_lazy("Open what is in the account"), button=gettext_lazy("Ask a second person"),
    does=gettext_lazy("With a second person, lets you read chosen records of the person for some days. Each one that you open stands in the person’s own list of what was done."),
    does_not=gettext_lazy("Changes nothing, hands out no file, and opens nothing from before your organization managed the account."),
    sentence=gettext_lazy("%(actor)s was allowed to read records of %(target)s"),
)


class EndForm(StrictForm):
    access = AnyChoiceField(label=gettext_lazy("Which one"), required=False, max_length=40, help_text=gettext_lazy("Nothing chosen: all that are open about this person."))
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    private_note = note_field()

    def offer(self, _actor: Actor, person: Person) -> None:
        """The open ones, the newest first."""
        open_accesses([person])
        self.fields["access"].choices = [("", gettext_lazy("All of them")), *((str(row.id), words.at(row.granted_at)) for row in person.extra["accesses"])]  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The one that was chosen in the list."""
        return {"access": query.get("access", "")[:40]}


def open_accesses(people: Sequence[Person]) -> None:
    """extra["accesses"]: what is open about each person in this organization, the newest first."""
    organization = next((p.membership.organization_id for p in people if p.membership), None)
    rows = list(ContentAccess.objects.filter(organization_id=organization, account_id__in=[p.account.id for p in people], ended_at=None).order_by("-granted_at")) if organization else []
    for person in people:
        person.extra["accesses"] = [row for row in rows if row.account_id == person.account.id]


def _chosen(person: Person, data: Data) -> list[ContentAccess]:
    rows: list[ContentAccess] = person.extra["accesses"]  # type: ignore[assignment]
    wanted = str(data.get("access") or "").strip().lower()
    return [row for row in rows if not wanted or str(row.id) == wanted]


def end_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if not _chosen(person, data):
        yield "nothing_open"


def end_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    n = len(_chosen(person, data))
    return [Effect("lost", "reading", ngettext("Nobody reads by it any more from now on: %(n)d access ends.", "Nobody reads by them any more from now on: %(n)d accesses end.", n) % {"n": n}, n),
            Effect("kept", "told", _("The person is told all the same, and sees what was opened."))]


def end(work: Work, person: Person, data: Data) -> None:
    rows = _chosen(person, data)
    for row in rows:
        work.track(row)
        row.ended_at, row.ended_how = work.now, life.WITHDRAWN
    work.note(person.id, opened=sum(row.opened for row in rows), accesses=[str(row.id) for row in rows], **_told(rows))


def _told(rows: Sequence[ContentAccess]) -> dict[str, object]:
    """The entry stays out of the person's ledger as long as any of them does."""
    later = [row for row in rows if row.told_at is None]
    return {key: value for row in sorted(later, key=lambda one: one.tell_at) for key, value in life.facts(row).items() if key != "access"}


END = Power(
    slug="end-content-access", code="data.view_end", event="data.view_withdrawn", over="member", permission="view_content", tier=1, form=EndForm, rule=end_rule, effects=end_effects, apply=end,
    gather=(open_accesses,), always=True, rank_rule=False, notice=False, people_only=True,
    title=gettext_lazy("End the access to records"), button=gettext_lazy("End it"),
    does=gettext_lazy("Ends at once that somebody may read records of this person."), does_not=gettext_lazy("Takes nothing back that was read: that stays in the person’s list."),
    sentence=gettext_lazy("%(actor)s ended the access to records of %(target)s"),
)
POWERS = (VIEW, END)
