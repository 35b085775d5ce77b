"""Export the audit log so that an outsider can check it; and what the organization asks of exports (POLICY D2)."""
from __future__ import annotations

import re
import uuid
import zoneinfo
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import exporting
from accounts.actor import Actor
from accounts.models import Membership, Organization
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoicesField, StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit.export.disclosures import PATTERN
from audit.models import Export, ExportPolicy
from audit.ocsf import DEFAULT, VERSIONS

KINDS = [("person", gettext_lazy("A person")), ("organization", gettext_lazy("The organization")), ("role", gettext_lazy("A role")), ("group", gettext_lazy("A group")),
         ("api_token", gettext_lazy("An API token")), ("session", gettext_lazy("A session")), ("plan", gettext_lazy("A plan")), ("audit_export", gettext_lazy("An export"))]
OUTCOMES = [("success", gettext_lazy("Done")), ("denied", gettext_lazy("Refused")), ("failure", gettext_lazy("Failed")), ("unknown", gettext_lazy("Unknown"))]
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_MOST_WITHHELD = 100


class ExportForm(StrictForm):
    """Which entries, for which matter, with which values open, in which copies."""

    since = forms.CharField(label=gettext_lazy("First day"), required=False, max_length=10, widget=_DAY)
    until = forms.CharField(label=gettext_lazy("Last day"), required=False, max_length=10, widget=_DAY, help_text=gettext_lazy("Both days are included. Without days it is the whole log."))
    time_zone = forms.CharField(label=gettext_lazy("Time zone of the days"), required=False, max_length=64, help_text=gettext_lazy("Such as Europe/Berlin. Empty: that of the organization."))
    about = forms.CharField(label=gettext_lazy("About (e-mail or id)"), required=False, max_length=320)
    about_kind = forms.ChoiceField(label=gettext_lazy("What this id is of"), choices=KINDS, initial="person")
    administrator = forms.CharField(label=gettext_lazy("Done by (e-mail or id)"), required=False, max_length=320)
    on_behalf_of = forms.CharField(label=gettext_lazy("On behalf of (e-mail or id)"), required=False, max_length=320)
    actions = AnyChoicesField(label=gettext_lazy("Actions"), required=False, help_text=gettext_lazy("None chosen: all of them."))
    categories = AnyChoicesField(label=gettext_lazy("Categories"), required=False, help_text=gettext_lazy("None chosen: all of them."))
    outcomes = forms.MultipleChoiceField(label=gettext_lazy("Outcomes"), required=False, choices=OUTCOMES, widget=forms.CheckboxSelectMultiple)
    token = forms.CharField(label=gettext_lazy("With the API token (id)"), required=False, max_length=36)
    ticket = forms.CharField(label=gettext_lazy("Entries with the ticket"), required=False, max_length=200)
    of_matter = forms.CharField(label=gettext_lazy("Entries with the matter"), required=False, max_length=200)
    matter = forms.CharField(label=gettext_lazy("Matter"), required=False, max_length=200,
                             help_text=gettext_lazy("What this export is made for. A later export of the same matter proves that it continues this one."))
    purpose = forms.CharField(label=gettext_lazy("Purpose"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}), help_text=gettext_lazy("Stands in the export and in the certificate."))
    prefix = forms.CharField(label=gettext_lazy("Prefix of the page numbers"), required=False, max_length=10,
                             help_text=gettext_lazy("One to ten capital letters and digits, as lawyers number pages. Empty: made from the organization’s name."))
    disclosures = forms.ChoiceField(label=gettext_lazy("Personal values"), initial="all", choices=[("all", gettext_lazy("Include those that still exist")), ("none", gettext_lazy("Include none"))])
    withhold = forms.CharField(label=gettext_lazy("Values to withhold"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}),
                               help_text=gettext_lazy("One on each line, with its ground: why.private_note = attorney-client privilege. A star stands for any part: change.*.before. "
                                                      "The export says what is withheld and why; every proof still holds."))
    csv = forms.BooleanField(label=gettext_lazy("Reading copy for spreadsheets (CSV)"), required=False, initial=True)
    ocsf = forms.BooleanField(label=gettext_lazy("Reading copy for security tools (OCSF)"), required=False, initial=True)
    ocsf_version = forms.ChoiceField(label=gettext_lazy("Version of OCSF"), choices=[(v, v) for v in VERSIONS], initial=DEFAULT)
    loadfile = forms.BooleanField(label=gettext_lazy("Load file for review platforms (DAT)"), required=False, initial=True)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The actions and categories that occur in this log."""
        for name, column in (("actions", "action"), ("categories", "category")):
            self.fields[name].choices = [(value, value) for value in _occurring(organization.id, column)]  # type: ignore[attr-defined]

    def clean_since(self) -> str:
        return _day(self.cleaned_data["since"])

    def clean_until(self) -> str:
        return _day(self.cleaned_data["until"])

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name and name not in zoneinfo.available_timezones():
            raise ValidationError(_("There is no time zone with this name."), code="zone")
        return name

    def clean_token(self) -> str:
        text = str(self.cleaned_data["token"])
        try:
            return str(uuid.UUID(text)) if text else ""
        except ValueError as error:
            raise ValidationError(_("This is no id."), code="id") from error

    def clean_prefix(self) -> str:
        text = str(self.cleaned_data["prefix"]).upper()
        if text and not re.fullmatch(r"[A-Z0-9]{1,10}", text):
            raise ValidationError(_("Use one to ten letters and digits."), code="prefix")
        return text

    def clean_withhold(self) -> str:
        rules(str(self.cleaned_data["withhold"]))
        return str(self.cleaned_data["withhold"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("since") and cleaned.get("until") and cleaned["since"] > cleaned["until"]:
            self.add_error("until", ValidationError(_("The last day is before the first day."), code="reversed"))
        return cleaned


def _day(text: str) -> str:
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ValidationError(_("This is not a date. Write it like 2026-11-23."), code="date") from error
    if found is not None and not 1970 <= found.year <= 9998:
        raise ValidationError(_("This is not a date. Write it like 2026-11-23."), code="date")
    return found.isoformat() if found else ""


def rules(text: str) -> list[dict[str, str]]:
    """What is withheld: path and ground of each line. Raises ValidationError."""
    found: dict[str, str] = {}
    for line in filter(None, (one.strip() for one in text.splitlines())):
        path, equals, ground = (part.strip() for part in line.partition("="))
        if not equals or not ground or not PATTERN.match(path):
            raise ValidationError(_("“%(line)s” is not a path and a ground. Write it like: why.private_note = attorney-client privilege") % {"line": line[:100]}, code="withhold")
        if len(ground) > 200:
            raise ValidationError(_("A ground has at most 200 characters."), code="withhold")
        found[path] = ground
    if len(found) > _MOST_WITHHELD:
        raise ValidationError(_("At most 100 lines."), code="withhold")
    return [{"path": path, "ground": ground} for path, ground in found.items()]


def _occurring(organization_id: uuid.UUID, column: str) -> list[str]:
    """The different values of an indexed column, by leaping from one to the next."""
    with connection.cursor() as cursor:
        cursor.execute(f"WITH RECURSIVE found AS ((SELECT {column} AS v FROM audit_leaf WHERE org = %(org)s ORDER BY {column} LIMIT 1) UNION ALL"
                       f" SELECT (SELECT l.{column} FROM audit_leaf l WHERE l.org = %(org)s AND l.{column} > f.v ORDER BY l.{column} LIMIT 1) FROM found f WHERE f.v IS NOT NULL)"
                       " SELECT v FROM found WHERE v IS NOT NULL LIMIT 500", {"org": organization_id})
        return [row[0] for row in cursor.fetchall()]


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if data.get("disclosures", "all") == "all" and not actor.may("view_audit"):
        yield "no_permission"
    try:
        exporting.wanted(data, target.id)
    except exporting.Unknown:
        yield "unknown_person"


def tier_for(_actor: Actor, target: OrganizationTarget, _data: Data) -> int:
    return 3 if exporting.policy(target.id).second_person else 2


PROVEN: dict[str, str | Promise] = {
    "range": gettext_lazy("It will prove that no entry of this range is missing."),
    "actor": gettext_lazy("It will prove that no entry of this actor in this range is missing, without showing other entries."),
    "target": gettext_lazy("It will prove that no entry about this person or thing in this range is missing, without showing other entries."),
    "attested": gettext_lazy("Every entry in it will be proven genuine. That nothing else matches this combination of filters cannot be proven and will be marked as your organization’s word."),
}


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    try:
        found = exporting.preview(data=data, organization=target.organization)
    except exporting.Unknown:
        return []
    days = exporting.policy(target.id).days
    return [
        Effect("later", "entries", ngettext("%(n)s entry matches now. What is recorded until the export begins is included where it matches.",
                                            "%(n)s entries match now. What is recorded until the export begins is included where it matches.", found.count) % {"n": f"{found.count:,}"}),
        Effect("later", f"proven:{found.completeness}", PROVEN[found.completeness]),
        Effect("kept", "recorded", _("The request, each download and the removal of the files are entries of the log themselves.")),
        Effect("later", "expires", ngettext("The files are removed after %(n)d day.", "The files are removed after %(n)d days.", days) % {"n": days}),
    ]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    organization = target.organization
    account = Membership.objects.values_list("account_id", flat=True).get(id=work.actor_membership)
    row = Export(
        id=uuid.uuid4(), org=organization.id, state="asked", requester=account, via="", matter=str(data.get("matter") or ""), purpose=str(data["purpose"]),
        wanted=exporting.wanted(data, organization.id), since=date.fromisoformat(str(data["since"])) if data.get("since") else None,
        until=date.fromisoformat(str(data["until"])) if data.get("until") else None, zone=exporting.zone(data, organization), shown=data.get("disclosures", "all") == "all",
        withheld=rules(str(data.get("withhold") or "")), reading=[kind for kind in ("csv", "ocsf", "loadfile") if data.get(kind)], ocsf=str(data.get("ocsf_version") or DEFAULT),
        prefix=str(data.get("prefix") or "") or initials(organization.name), name=organization.name, asked_at=work.now, expires_at=exporting.expires(organization.id, work.now))
    work.add(row)
    work.note(target.id, _made=[row])


def initials(name: str) -> str:
    """The capital letters that begin the words of a name."""
    found = "".join(word[0] for word in re.findall(r"[A-Za-z0-9]+", name)).upper()[:10]
    return found or "EX"


POWER = Power(
    slug="export-audit", code="audit.export", event="audit.export_requested", over="organization", permission=exporting.PERMISSION, tier=2, tier_for=tier_for, form=ExportForm, rule=rule,
    effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Export the audit log"), button=gettext_lazy("Start the export"),
    does=gettext_lazy("Makes files that an outsider can check without us: the entries, their proofs, and a verifier."),
    does_not=gettext_lazy("Changes nothing in the log, and gives nobody access to the files who may not export it themselves."),
    sentence=gettext_lazy("%(actor)s asked for an export of the audit log"),
)


class PolicyForm(StrictForm):
    """What the organization asks of exports."""

    second_person = forms.BooleanField(label=gettext_lazy("A second person has to agree to each export"), required=False)
    days = forms.IntegerField(label=gettext_lazy("Days after which the files are removed"), min_value=1, max_value=90, initial=14)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """What is in force now."""
        row = exporting.policy(organization.id)
        self.fields["second_person"].initial, self.fields["days"].initial = row.second_person, row.days


def policy_tier(_actor: Actor, target: OrganizationTarget, data: Data) -> int:
    """What a second person protects is not taken away by one."""
    return 3 if exporting.policy(target.id).second_person and not data.get("second_person") else 2


def policy_rule(actor: Actor, _target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"


def policy_apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = ExportPolicy.objects.select_for_update().filter(id=target.id).first()
    before = row or ExportPolicy(id=target.id)
    work.note(target.id, before={"second_person": before.second_person, "days": before.days}, after={"second_person": bool(data.get("second_person")), "days": int(data["days"])})
    if row is None:
        row = ExportPolicy(id=target.id)
        work.add(row)
    else:
        work.track(row)
    row.second_person, row.days = bool(data.get("second_person")), int(data["days"])


POLICY = Power(
    slug="set-audit-export-policy", code="audit.export_policy", event="audit.export_policy_changed", over="organization", permission="manage_settings", tier=2, tier_for=policy_tier, form=PolicyForm,
    rule=policy_rule, apply=policy_apply, notice=False,
    title=gettext_lazy("Set the rules for exports of the audit log"), button=gettext_lazy("Save the rules"),
    does=gettext_lazy("Says whether a second person has to agree to an export, and when its files are removed."),
    does_not=gettext_lazy("Changes nothing about exports that were asked for before."),
    sentence=gettext_lazy("%(actor)s changed the rules for exports of the audit log"),
)
