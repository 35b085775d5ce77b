"""Announce a claim: tell people that the organization takes control of their accounts on a date, because it owns the domain (POWERS P9, policy A10)."""
from __future__ import annotations

import csv
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import notice, reasons
from accounts.actor import Actor
from accounts.claims import candidates, life
from accounts.models import Claim, Domain, Organization
from accounts.models.claim import Choice, ClaimState
from accounts.models.domain import DomainState
from accounts.models.organization import OrganizationStatus
from accounts.power import Data, Effect, Power
from accounts.powers import domains
from accounts.powers.domains import DomainForm
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain

_SHOWN = 30
"""So many wrong lines of a list are shown at once."""


class AnnounceForm(DomainForm):
    choice = forms.ChoiceField(label=gettext_lazy("Which accounts"), choices=Choice.choices, initial=Choice.ALL)
    inactive_days = forms.IntegerField(label=gettext_lazy("Not active for so many days"), min_value=1, max_value=3650, required=False, help_text=gettext_lazy("Only for that choice."))
    addresses = forms.CharField(label=gettext_lazy("Addresses"), required=False, max_length=candidates.LONGEST, widget=forms.Textarea(attrs={"rows": 4}),
                                help_text=gettext_lazy("Only for a list: one address on a line, or a CSV with the addresses in its first column. Every line must be right, or nobody is told."))
    days = forms.IntegerField(label=gettext_lazy("Days until then"), min_value=0, max_value=life.MOST_DAYS, required=False, initial=life.DEFAULT_DAYS,
                              help_text=gettext_lazy("14 if you leave it empty. Fewer than seven count only for accounts that your organization created; everybody else has seven days."))
    field_order = ["domain", "choice", "inactive_days", "addresses", "days"]

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        super().choices_for(organization, actor)
        self.organization = organization
        for name in ("choice", "inactive_days"):  # so that the page counts those whom the rule reaches that was chosen before
            self.fields[name].initial = self.initial.get(name) or self.fields[name].initial

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        choice, idle = query.get("choice", ""), query.get("inactive_days", "")
        return {"domain": query.get("domain", "")[:300], "choice": choice if choice in Choice.values else Choice.ALL, "days": life.DEFAULT_DAYS,
                "inactive_days": int(idle) if idle.isascii() and idle.isdigit() and len(idle) < 5 else None}

    def clean_days(self) -> int:
        return life.DEFAULT_DAYS if self.cleaned_data["days"] is None else self.cleaned_data["days"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("choice") == Choice.INACTIVE and not cleaned.get("inactive_days"):
            self.add_error("inactive_days", ValidationError(_("Say for how many days."), code="required"))
        if cleaned.get("choice") == Choice.LISTED and "addresses" in cleaned:
            self._judge(cleaned)
        return cleaned

    def _judge(self, cleaned: dict[str, Any]) -> None:
        domain = domains.chosen(OrganizationTarget(self.organization), cleaned)
        try:
            verdicts = _verdicts(domain, cleaned, timezone.now())
        except csv.Error:
            self.add_error("addresses", ValidationError(_("This is not a list that can be read."), code="invalid_rows"))
            return
        wrong = [verdict for verdict in verdicts if verdict.code]
        found = [ValidationError(_("Line %(line)d: %(why)s") % {"line": v.number, "why": reasons.text(v.code)}, code=v.code) for v in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            found.append(ValidationError(ngettext("%(n)d more line is not right.", "%(n)d more lines are not right.", len(wrong) - _SHOWN) % {"n": len(wrong) - _SHOWN}, code="invalid_rows"))
        if not verdicts:
            found.append(ValidationError(_("The list has no address."), code="required"))
        elif len(verdicts) > candidates.MOST_ROWS:
            found = [ValidationError(_("A list has 10,000 lines at most."), code="too_many")]
        if found:
            self.add_error("addresses", found)


def _verdicts(domain: Domain | None, data: Data, now: datetime) -> list[candidates.Verdict]:
    lines = candidates.lines(str(data.get("addresses") or ""))
    return candidates.judge(domain=domain, addresses=lines, now=now) if domain and len(lines) <= 2 * candidates.MOST_ROWS else [candidates.Verdict(n) for n, line in enumerate(lines) if line]


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from domains.problems(actor, target, data)
    if target.organization.status != OrganizationStatus.ACTIVE:
        yield "organization_ending"
    if notice.in_effect(target.id, now) is None:
        yield "no_notice"
    rows = Claim.objects.filter(organization_id=target.id)
    if rows.filter(announced_at__gt=now - timedelta(days=1)).count() >= life.ANNOUNCEMENTS_A_DAY:
        yield "too_many_claims"
    domain = domains.chosen(target, data)
    if domain is None:
        return
    if domain.state != DomainState.VERIFIED or domain.releasing:
        yield "domain_not_proven"
        return
    if rows.filter(domain=domain, state=ClaimState.ANNOUNCING).exists():
        yield "claim_running"
    if _choice(data) == Choice.LISTED:
        verdicts = _verdicts(domain, data, now)
        if not verdicts or any(verdict.code or verdict.account_id is None for verdict in verdicts):
            yield "invalid_rows"
    elif not _counted(domain, data, now).by_choice[_choice(data)]:
        yield "nobody_to_claim"


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    domain = domains.chosen(target, data)
    found, days = _counted(domain, data, now), _days(data)
    people, number = _told(domain, data, found, now), version.number if (version := notice.in_effect(target.id, now)) else 0
    date = timezone.localtime(now + timedelta(days=days)).strftime("%Y-%m-%d %H:%M %Z")
    return [
        Effect("lost", "told", ngettext("At most %(n)d person is told by e-mail, with the date, with what control means, and with your contact.",
                                        "At most %(n)d people are told by e-mail, with the date, with what control means, and with your contact.", people) % {"n": people},
                                        people),
        Effect("later", "date", _("Control begins on %(date)s, and for nobody sooner than seven days after they were told, unless your organization created the account.") % {"date": date}, days),
        Effect("later", "answers", _("Until then each of them may accept, leave with an address of their own, or object. An objection stops it for that account until you answer.")),
        Effect("later", "notice", _("They are shown version %(number)d of your notice: the powers that it names, and what they are for.") % {"number": number}, number),
        Effect("kept", "rechecked", _("On the date everything is checked again: whoever left, objected, or is managed by somebody else is not among them.")),
    ]


def _counted(domain: Domain | None, data: Data, now: datetime) -> candidates.Counted:
    return candidates.count(domain=domain, now=now, inactive_days=data.get("inactive_days") or 0) if domain else candidates.Counted()


def _choice(data: Data) -> str:
    return str(data.get("choice") or Choice.ALL)


def _told(domain: Domain | None, data: Data, found: candidates.Counted, now: datetime) -> int:
    """How many people the choice reaches now."""
    return sum(1 for verdict in _verdicts(domain, data, now) if verdict.account_id) if _choice(data) == Choice.LISTED else found.by_choice[_choice(data)]


def _days(data: Data) -> int:
    days = data.get("days")
    return life.DEFAULT_DAYS if days is None or days == "" else int(days)


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    domain = domains.chosen(target, data)
    version = notice.in_effect(target.id, work.now)
    assert domain is not None and version is not None
    days, choice = _days(data), _choice(data)
    listed = [v.account_id for v in _verdicts(domain, data, work.now) if v.account_id] if choice == Choice.LISTED else []
    row = Claim(id=uuid.uuid4(), organization_id=target.id, domain=domain, choice=choice, days=days, listed=listed, announced_by=work.actor_membership, announced_at=work.now,
                inactive_days=data.get("inactive_days") if choice == Choice.INACTIVE else None, effective_at=work.now + timedelta(days=days), notice_version=str(version.id))
    work.add(row)
    work.note(target.id, _made=[row], claim=str(row.id), domain=domain.name, choice=choice, effective_at=plain(row.effective_at), notice=version.number)


POWER = Power(
    slug="announce-claim", code="domain.announce", event="claim.announced", over="organization", permission="manage_domains", tier=2,
    form=AnnounceForm, rule=rule, effects=effects, apply=apply, notice=False, undo="cancel-claim",
    title=gettext_lazy("Announce a claim"), button=gettext_lazy("Announce"),
    does=gettext_lazy("Tells the people with an address in your domain that your organization will manage their accounts from a date on."),
    does_not=gettext_lazy("Takes control of nobody before that date, and of nobody who left or whose objection is open."),
    sentence=gettext_lazy("%(actor)s announced a claim of accounts of the domain %(target)s"),
)
