"""The notice of the organization: write the next version, power by power, and publish it (policy D4)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import notice
from accounts.actor import Actor
from accounts.models import NoticeVersion, Organization
from accounts.models.notice import Basis, NoticeState
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.access import moment
from accounts.powers.forms import AnyChoicesField, NoForm, StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain


def _powers() -> dict[str, Power]:
    from accounts.notice_default import governed

    return {power.slug: power for power in governed()}


class PowersForm(StrictForm):
    """Which powers, by their names."""

    powers = AnyChoicesField(label=gettext_lazy("Powers"), widget=forms.CheckboxSelectMultiple)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """Every power that a notice has to name."""
        self.fields["powers"].choices = [(slug, power.title) for slug, power in _powers().items()]  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The power beside which the act was chosen, with the words that stand there."""
        slug = query.get("power", "")[:100]
        return {"powers": [slug] if slug in _powers() else []}


class PutForm(PowersForm):
    """Powers, and what they are used for."""

    purpose = forms.CharField(label=gettext_lazy("What for"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("In your own words, so that people understand it. It holds for all the powers that you tick."))
    basis = forms.ChoiceField(label=gettext_lazy("Legal basis"), choices=[("", gettext_lazy("Choose one")), *Basis.choices])

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """With the words of the power that was chosen, as they are now."""
        super().choices_for(organization, actor)
        if len(chosen := self.initial.get("powers") or []) == 1:
            said = (notice.draft(organization.id) or _latest(organization.id) or NoticeVersion()).words.get(chosen[0]) or _suggested(chosen[0])
            self.initial.update(said)


def _suggested(slug: str) -> dict[str, str]:
    from accounts.notice_default import words

    return words(_powers()[slug])


class TextForm(StrictForm):
    """What the notice says about all of it."""

    text = forms.CharField(label=gettext_lazy("General text"), max_length=20_000, required=False, strip=False, widget=forms.Textarea(attrs={"rows": 14}),
                           help_text=gettext_lazy("What people should know about all of it: who decides, how long things are kept, whom to ask. Plain text; an empty line begins a new paragraph."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The text as it is."""
        self.initial.update({"text": (notice.draft(organization.id) or _latest(organization.id) or NoticeVersion()).text})

    def clean_text(self) -> str:
        return str(self.cleaned_data["text"]).replace("\r\n", "\n").replace("\r", "\n").strip()


class PublishForm(StrictForm):
    """From when, and whether people are told."""

    effective_at = forms.DateTimeField(label=gettext_lazy("In effect from"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
                                       input_formats=["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"],
                                       help_text=gettext_lazy("Empty: as soon as possible, which is in 14 days if people have to be told first."))
    significant = forms.BooleanField(label=gettext_lazy("Significant for people, although no power is new"), required=False,
                                     help_text=gettext_lazy("Everybody is mailed and has 14 days. New powers and purposes always are significant."))
    draft = forms.CharField(max_length=60, required=False, widget=forms.HiddenInput)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The draft that is looked at: if somebody changes it meanwhile, nothing is published."""
        row = notice.draft(organization.id)
        self.initial.update({"draft": _mark(row) if row else ""})

    def clean_effective_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["effective_at"]
        if at is not None and not timezone.now() - timedelta(days=1) < at < timezone.now() + notice.LONGEST_AHEAD:
            raise ValidationError(_("Choose a time within the next year."), code="past")
        return at


def _mark(row: NoticeVersion) -> str:
    return f"{row.id}-{row.version}"


def _latest(organization_id: uuid.UUID) -> NoticeVersion | None:
    return NoticeVersion.objects.filter(organization_id=organization_id, state=NoticeState.PUBLISHED).order_by("-number").first()


def _chosen(data: Data) -> list[str]:
    return [str(slug) for slug in data.get("powers") or []]


def put_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if set(_chosen(data)) - set(_powers()):
        yield "unknown_power"
    row = notice.draft(target.id) or _latest(target.id)
    if data.get("purpose") and row is not None and all(slug in row.powers and row.words.get(slug) == _said(data) for slug in _chosen(data)):
        yield "nothing_to_change"


def take_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    row = notice.draft(target.id) or _latest(target.id)
    if data.get("powers") and (row is None or not set(_chosen(data)) & set(row.powers)):
        yield "nothing_to_change"


def text_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    row = notice.draft(target.id) or _latest(target.id)
    if "text" in data and data["text"] == (row.text if row else ""):
        yield "nothing_to_change"


def _said(data: Data) -> dict[str, str]:
    return {"purpose": str(data["purpose"]), "basis": str(data["basis"])}


def drafted(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "draft", _("This is written into the draft. Nothing changes for anybody until the draft is published."))]


def _draft(work: Work, target: OrganizationTarget) -> NoticeVersion:
    """The draft, to be changed; where there is none, a new one that begins as the last published version."""
    Organization.objects.select_for_update().get(id=target.id)
    row = NoticeVersion.objects.select_for_update().filter(organization_id=target.id, state=NoticeState.DRAFT).first()
    if row is None:
        last = _latest(target.id)
        number = NoticeVersion.objects.filter(organization_id=target.id).order_by("-number").values_list("number", flat=True).first() or 0
        row = NoticeVersion(id=uuid.uuid4(), organization_id=target.id, number=number + 1, powers=list(last.powers) if last else [],
                            words=dict(last.words) if last else {}, text=last.text if last else "",
                            created_at=work.now)
        work.add(row)
    else:
        work.track(row)
    work.note(target.id, number=row.number, _also=[row])
    return row


def put(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _draft(work, target)
    row.powers = sorted({*row.powers, *_chosen(data)})
    row.words = {**row.words, **{slug: _said(data) for slug in _chosen(data)}}
    work.note(target.id, powers=sorted(_chosen(data)))


def take(work: Work, target: OrganizationTarget, data: Data) -> None:
    row, gone = _draft(work, target), set(_chosen(data))
    row.powers, row.words = sorted(set(row.powers) - gone), {slug: said for slug, said in row.words.items() if slug not in gone}
    work.note(target.id, powers=sorted(gone))


def write(work: Work, target: OrganizationTarget, data: Data) -> None:
    _draft(work, target).text = str(data.get("text") or "")


def discard_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if notice.draft(target.id) is None:
        yield "no_draft"


def discarded(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "draft", _("The draft is gone. What is published stays."))]


def discard(work: Work, target: OrganizationTarget, _data: Data) -> None:
    row = _draft(work, target)
    work.remove(row)


@dataclass(frozen=True)
class _Step:
    """What publishing a draft now would mean."""

    least: datetime
    at: datetime
    new: frozenset[str]
    usable: frozenset[str]
    significant: bool
    coming: NoticeVersion | None


def _step(target: OrganizationTarget, row: NoticeVersion, data: Data, now: datetime) -> _Step:
    held, coming, usable = notice.in_effect(target.id, now), notice.announced(target.id, now), notice.on(notice.published(target.id), now)
    new, wanted = notice.news(held, row, usable), moment(data.get("effective_at"))
    least = notice.earliest(new=new, coming=coming, after=row, significant=bool(data.get("significant")), first=held is None, now=now)
    return _Step(least=least, at=max(least, wanted) if wanted else least, new=new, usable=usable, significant=bool(data.get("significant") or new), coming=coming)


def publish_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    row = notice.draft(target.id)
    if row is None:
        yield "no_draft"
        return
    if data.get("draft") and data["draft"] != _mark(row):
        yield "stale"
    last = _latest(target.id)
    if last is not None and notice.digest(row) == last.digest:
        yield "nothing_to_change"
    if (wanted := moment(data.get("effective_at"))) and wanted < _step(target, row, data, now).least - timedelta(days=1):
        yield "too_soon"


def publish_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    row = notice.draft(target.id)
    if row is None:
        return []
    step = _step(target, row, data, now)
    gone, new, at = len(step.usable - set(row.powers)), step.new, step.at
    found = [Effect("kept", f"digest:{notice.digest(row)}", _("What you publish stays as it is, for good, and everybody who is or was here can read it."))]
    if gone:
        found.append(Effect("lost", "gone", ngettext("%(n)d power can no longer be used, at once.", "%(n)d powers can no longer be used, at once.", gone) % {"n": gone}, gone))
    if new:
        found.append(Effect("later", "new", ngettext("%(n)d new power or purpose holds from %(day)s.", "%(n)d new powers or purposes hold from %(day)s.", len(new))
                            % {"n": len(new), "day": date_format(timezone.localtime(at))}, len(new)))
    if step.significant:
        found.append(Effect("later", "told", _("Everybody in the organization is mailed what changes.")))
    if step.coming is not None:
        found.append(Effect("lost", "replaced", _("It takes the place of the version that is announced and not yet in effect.")))
    return found


def publish(work: Work, target: OrganizationTarget, data: Data) -> None:
    Organization.objects.select_for_update().get(id=target.id)
    row = NoticeVersion.objects.select_for_update().filter(organization_id=target.id, state=NoticeState.DRAFT).first()
    if row is None or (data.get("draft") and data["draft"] != _mark(row)):
        raise Stale
    step = _step(target, row, data, work.now)
    if step.coming is not None:
        work.track(step.coming)
        notice.go(step.coming, NoticeState.REPLACED)
    work.track(row)
    notice.go(row, NoticeState.PUBLISHED)
    row.published_at, row.published_by, row.effective_at, row.significant, row.digest = work.now, work.actor_membership, step.at, step.significant, notice.digest(row)
    row.meanwhile = sorted(step.usable & set(row.powers))
    work.note(target.id, number=row.number, digest=row.digest, powers=row.powers, new=sorted(step.new), significant=step.significant, effective_at=plain(step.at), _also=[row])


def _power(slug: str, code: str, event: str, form: Any, rule: Any, effects: Any, apply: Any, tier: int, **words: Any) -> Power:
    return Power(slug=slug, code=code, event=event, over="organization", permission="manage_settings", tier=tier, form=form, rule=rule, effects=effects, apply=apply, notice=False, **words)


PUT = _power(
    "put-in-notice", "notice.put", "notice.power_put", PutForm, put_rule, drafted, put, 1, undo="take-from-notice",
    title=gettext_lazy("Put powers into the notice"), button=gettext_lazy("Put into the draft"), does=gettext_lazy("Says what powers are used for, in the draft of the next notice."),
    does_not=gettext_lazy("Makes no power usable before the notice is published and people had their time."), sentence=gettext_lazy("%(actor)s put powers into the draft of notice %(target)s"))
TAKE = _power(
    "take-from-notice", "notice.take", "notice.power_taken", PowersForm, take_rule, drafted, take, 1, undo="put-in-notice",
    title=gettext_lazy("Take powers out of the notice"), button=gettext_lazy("Take out of the draft"),
    does=gettext_lazy("Leaves powers out of the draft of the next notice. Once that is published they cannot be used."),
    does_not=gettext_lazy("Undoes nothing that was done with them."), sentence=gettext_lazy("%(actor)s took powers out of the draft of notice %(target)s"))
WRITE = _power(
    "write-notice", "notice.write", "notice.text_written", TextForm, text_rule, drafted, write, 1,
    title=gettext_lazy("Write the text of the notice"), button=gettext_lazy("Save in the draft"), does=gettext_lazy("Changes the general text in the draft of the next notice."),
    does_not=gettext_lazy("Changes nothing that is published."), sentence=gettext_lazy("%(actor)s changed the text in the draft of notice %(target)s"))
DISCARD = _power(
    "discard-notice-draft", "notice.discard", "notice.draft_discarded", NoForm, discard_rule, discarded, discard, 1,
    title=gettext_lazy("Discard the draft of the notice"), button=gettext_lazy("Discard the draft"), does=gettext_lazy("Throws the draft of the next notice away."),
    does_not=gettext_lazy("Changes nothing that is published."), sentence=gettext_lazy("%(actor)s discarded the draft of notice %(target)s"))
PUBLISH = _power(
    "publish-notice", "notice.publish", "notice.published", PublishForm, publish_rule, publish_effects, publish, 2,
    title=gettext_lazy("Publish the notice"), button=gettext_lazy("Publish"),
    does=gettext_lazy("Makes the draft the notice of the organization: from its date on, exactly the powers it names can be used."),
    does_not=gettext_lazy("Does nothing to anybody by itself."), sentence=gettext_lazy("%(actor)s published notice %(target)s"))
