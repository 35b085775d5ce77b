"""An administrator suggests another value for a profile field that is the person's, who accepts it, declines it or lets it be (POWERS P8)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import ProfileSuggestion
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.powers.profile_forms import ValueForm
from accounts.powers.update_profile import not_ours
from accounts.profile import aside, asking, rules
from accounts.work import Work

_PERSON_S = frozenset({"not_managed", "field_of_person"})


class SuggestForm(ValueForm):
    value = forms.CharField(label=gettext_lazy("The value that you suggest"), max_length=200, required=False,
                            help_text=gettext_lazy("A language as its code, such as en; a time zone like Europe/Berlin."))
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
                              help_text=gettext_lazy("Optional. They read it beside what you suggest."))

    def offer(self, _actor: Actor, person: Person) -> None:
        """Only the fields that are the person's."""
        rules.field_rules([person])
        field: Any = self.fields["field"]
        field.choices = [("", _("Choose one")), *((name, label) for name, label in rules.LABELS.items() if not _why_not(person, name) or self.data.get("field") == name)]


def _why_not(person: Person, field: str) -> list[str]:
    """Why this field is not for suggesting: administrators change it themselves, or the directory does."""
    if aside.restricted(person.membership, field):
        return ["part_restricted"]
    codes = list(not_ours(person, [field]))
    return [code for code in codes if code not in _PERSON_S] if codes else ["yours_to_change"]


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status not in {"active", "restricted"} or person.account.status != "active":
        yield "wrong_status"
        return
    field = str(data.get("field") or "")
    if field in rules.LABELS:
        yield from _why_not(person, field)
        if data.get("value") == asking.value_of(person, field):
            yield "nothing_to_change"
    elif all(_why_not(person, name) for name in rules.LABELS):
        yield "yours_to_change"


def effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    field = str(data.get("field") or "")
    found = [Effect("kept", "value", _("Nothing changes unless the person accepts it.")),
             Effect("later", "ends", _("Without an answer it ends on %(date)s.") % {"date": timezone.localtime(now + asking.OPEN_FOR).strftime("%Y-%m-%d")})]
    if field in person.extra["suggestions"]:  # type: ignore[operator]
        found.append(Effect("lost", "replaced", _("It takes the place of what was suggested for this field before.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    found: Any = person.extra["suggestions"]
    if old := found.get(data["field"]):
        work.remove(old)
    row = ProfileSuggestion(id=uuid4(), organization_id=person.membership.organization_id, account=person.account, field=data["field"], value=str(data.get("value") or ""),
                            words=str(data.get("message") or ""), suggested_at=work.now, suggested_by=work.actor_membership, expires_at=work.now + asking.OPEN_FOR)
    work.add(row)
    work.touch(person.membership)
    work.note(person.id, field=row.field, suggestion=str(row.id), **({"replaced": str(old.id)} if old else {}))


POWER = Power(
    slug="suggest-change", code="profile.suggest", event="profile.change_suggested", over="member", permission="update_profiles", tier=0, form=SuggestForm,
    rule=rule, effects=effects, apply=apply, people_only=True, gather=(rules.field_rules, asking.suggestions),
    title=gettext_lazy("Suggest a change of the profile"), button=gettext_lazy("Suggest"),
    does=gettext_lazy("Suggests another value for a profile field that is the person’s own. They are told, and accept it, decline it or let it be."),
    does_not=gettext_lazy("Changes nothing by itself, and ends after 30 days."),
    sentence=gettext_lazy("%(actor)s suggested a change of the profile to %(target)s"),
)


class AnswerForm(StrictForm):
    suggestion = forms.UUIDField(label=gettext_lazy("Suggestion"), help_text=gettext_lazy("The suggestion that you read: if another one took its place, nothing happens."))


def _chosen(person: Person, data: Data, now: datetime) -> ProfileSuggestion | None:
    """The suggestion that was read, if it still waits."""
    found: Any = person.extra["suggestions"]
    return next((row for row in found.values() if row.id == _uuid(data.get("suggestion")) and row.expires_at > now), None)


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def accept_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from decline_rule(actor, person, data, now)
    row = _chosen(person, data, now)
    if row is not None:
        yield from asking.stands_in_the_way(person, row.field)


def decline_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if not asking.themselves(actor, person):
        yield "wrong_status"
    elif not (_chosen(person, data, now) if data else person.extra["suggestions"]):
        yield "no_suggestion"


def accept_effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    row = _chosen(person, data, now)
    return [Effect("lost", f"field:{row.field}:{row.value}", _("%(field)s becomes “%(value)s”.") % {"field": rules.LABELS[row.field], "value": asking.shown(row.field, row.value)})] if row else []


def accept(work: Work, person: Person, data: Data) -> None:
    row = _gone(work, person, data)
    asking.put(person, row.field, row.value)
    side: Any = person.extra["own_side"]
    if row.field in rules.ACCOUNT_FIELDS and side.management is not None and side.management.organization_id != row.organization_id:
        work.elsewhere.append((side.management.organization_id, "profile.updated_elsewhere", person.account.id))


def decline(work: Work, person: Person, data: Data) -> None:
    _gone(work, person, data)


def _gone(work: Work, person: Person, data: Data) -> ProfileSuggestion:
    row = _chosen(person, data, work.now)
    assert row is not None
    work.remove(row)
    work.touch(person.membership)
    work.note(person.id, field=row.field, suggestion=str(row.id))
    return row


ACCEPT = Power(
    slug="accept-suggestion", code="own.suggestion_accept", event="profile.suggestion_accepted", over="member", permission=None, tier=0, form=AnswerForm,
    rule=accept_rule, effects=accept_effects, apply=accept, ladder=0, self_allowed=True, rank_rule=False, people_only=True, notice=False,
    gather=(rules.field_rules, asking.suggestions, asking.own_side),
    title=gettext_lazy("Accept a suggested change of your profile"), button=gettext_lazy("Accept"),
    does=gettext_lazy("Gives the field of your profile the value that was suggested, as if you had typed it."),
    does_not=gettext_lazy("Gives nobody the right to change it again without you."),
    sentence=gettext_lazy("%(actor)s accepted a suggested change of their profile"),
)
DECLINE = Power(
    slug="decline-suggestion", code="own.suggestion_decline", event="profile.suggestion_declined", over="member", permission=None, tier=0, form=AnswerForm,
    rule=decline_rule, apply=decline, ladder=0, self_allowed=True, rank_rule=False, people_only=True, notice=False, gather=(asking.suggestions,),
    title=gettext_lazy("Decline a suggested change of your profile"), button=gettext_lazy("Decline"),
    does=gettext_lazy("Ends the suggestion. Your profile stays as it is."),
    does_not=gettext_lazy("Needs no reason, and has no consequences."),
    sentence=gettext_lazy("%(actor)s declined a suggested change of their profile"),
)
