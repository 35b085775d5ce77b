"""The forms about how long data is kept: a rule as it is set, and a day or a rule that is looked at first."""
from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Group, Organization, Service
from accounts.powers.forms import AnyChoiceField, StrictForm, note_field
from accounts.powers.log_keeping import DayField
from dsar.datamap.ends import TRIGGERS
from dsar.retention import setting, units
from dsar.retention.models import Act, Ground, Kind, RetentionRule, Scope
from dsar.retention.periods import MEASURES

ONE = ("", gettext_lazy("Choose one"))


class RuleForm(StrictForm):
    """One rule: what, about whom, for how long, counted from when."""

    LOOK = gettext_lazy("Look first")
    """The page can show what would follow without doing it."""

    kind = forms.ChoiceField(label=gettext_lazy("What the rule does"), choices=Kind.choices, initial=Kind.DELETE, widget=forms.RadioSelect,
                             help_text=gettext_lazy("Keeping comes before deleting. Of several rules that let something go the one for fewer people counts."))
    what = AnyChoiceField(max_length=60, label=gettext_lazy("What it is about"), choices=(), help_text=gettext_lazy("One kind of data, or everything of a category."))
    count = forms.IntegerField(label=gettext_lazy("How long"), min_value=0, max_value=1_000_000, help_text=gettext_lazy("A number. 0 lets it go on the day after."))
    measure = forms.ChoiceField(label=gettext_lazy("Days, months or years"), choices=list(MEASURES.items()), initial="days")
    trigger = forms.ChoiceField(label=gettext_lazy("Counted from"), choices=list(TRIGGERS.items()), initial="end", help_text=gettext_lazy("Nothing goes while it is still in use."))
    action = forms.ChoiceField(label=gettext_lazy("What happens then"), choices=Act.choices, initial=Act.DELETE, required=False, help_text=gettext_lazy("For a rule that lets something go."))
    scope = forms.ChoiceField(label=gettext_lazy("About whom"), choices=Scope.choices, initial=Scope.ORGANIZATION)
    group = AnyChoiceField(max_length=100, label=gettext_lazy("Group"), choices=(), required=False, help_text=gettext_lazy("For a rule about one group."))
    service = AnyChoiceField(max_length=100, label=gettext_lazy("Service"), choices=(), required=False, help_text=gettext_lazy("For a rule about people who use one service."))
    person = forms.CharField(label=gettext_lazy("E-mail address of the person"), required=False, max_length=320, help_text=gettext_lazy("For a rule about one person."))
    label = forms.CharField(label=gettext_lazy("Label"), required=False, max_length=60,
                            help_text=gettext_lazy("For a rule about a label, such as the kind of a notice. The page about retention has them."))
    ground = forms.ChoiceField(label=gettext_lazy("Ground for keeping"), choices=[("", gettext_lazy("None: it does not resist an erasure")), *Ground.choices], required=False,
                               help_text=gettext_lazy("For a rule that keeps something. Only with a ground it stays although the person asked for its erasure."))
    private_note = note_field()

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """What there is: kinds and categories of the data map, groups and services of the organization."""
        kinds = [(key, str(one.title)) for key, one in units.offered().items()]
        self.fields["what"].choices = [ONE, (_("Kinds of data"), kinds), (_("Categories"), [(key, str(text)) for key, text in units.categories().items()])]  # type: ignore[attr-defined]
        for name, model in (("group", Group), ("service", Service)):
            found = model.objects.filter(organization=organization).order_by("name").values_list("id", "name")[:500]
            self.fields[name].choices = [("", _("None")), *((str(number), title) for number, title in found)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for scope, name in ((Scope.GROUP, "group"), (Scope.SERVICE, "service"), (Scope.PERSON, "person"), (Scope.LABEL, "label")):
            if cleaned.get("scope") == scope and not str(cleaned.get(name) or "").strip() and name not in self.errors:
                self.add_error(name, ValidationError(_("Say which one."), code="required"))
        if cleaned.get("kind") == Kind.KEEP:
            cleaned["action"] = ""
        if not self.errors and cleaned.get("what") and cleaned.get("count") is not None:
            row = RetentionRule(kind=cleaned["kind"], scope=cleaned["scope"], what=cleaned["what"], trigger=cleaned["trigger"], count=cleaned["count"], measure=cleaned["measure"],
                                action=cleaned["action"] or ("" if cleaned["kind"] == Kind.KEEP else Act.DELETE), ground=cleaned.get("ground", "") if cleaned["kind"] == Kind.KEEP else "")
            for problem in setting.limits(row):
                self.add_error("count", ValidationError(problem, code="limits"))
        return cleaned


class LookForm(RuleForm):
    """What the time machine is asked: a day, and perhaps a rule that is not there yet. Nothing in it names a person, because it stands in an address."""

    on = DayField(label=gettext_lazy("On which day"), help_text=gettext_lazy("Of what is there now: what would be due by then."))
    what = AnyChoiceField(max_length=60, label=gettext_lazy("With a rule about"), choices=(), required=False, help_text=gettext_lazy("Optional: look at a rule before you set it."))
    count = forms.IntegerField(label=gettext_lazy("How long"), min_value=0, max_value=1_000_000, required=False)
    scope = forms.ChoiceField(label=gettext_lazy("About whom"), choices=[one for one in Scope.choices if one[0] != Scope.PERSON], initial=Scope.ORGANIZATION, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("What the rule does"), choices=Kind.choices, initial=Kind.DELETE, required=False)
    measure = forms.ChoiceField(label=gettext_lazy("Days, months or years"), choices=list(MEASURES.items()), initial="days", required=False)
    trigger = forms.ChoiceField(label=gettext_lazy("Counted from"), choices=list(TRIGGERS.items()), initial="end", required=False)
    person = None
    private_note = None
    ground = None
    field_order = ("on", "what", "kind", "count", "measure", "trigger", "action", "scope", "group", "service", "label")

    def clean_on(self) -> date | None:
        """Any day of the calendar that rules reach."""
        day: date | None = self.cleaned_data["on"]
        if day is not None and not date(1970, 1, 1) <= day <= date(2999, 12, 31):
            raise ValidationError(_("Choose a day between 1970 and 2999."), code="day")
        return day

    def clean(self) -> dict[str, Any]:
        for name, usual in (("kind", Kind.DELETE), ("measure", "days"), ("trigger", "end"), ("scope", Scope.ORGANIZATION)):
            if name in self.cleaned_data:
                self.cleaned_data[name] = self.cleaned_data[name] or usual
        cleaned = super().clean()
        if cleaned.get("what") and cleaned.get("count") is None and "count" not in self.errors:
            self.add_error("count", ValidationError(_("Say for how long."), code="required"))
        return cleaned
