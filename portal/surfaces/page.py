"""The page surface: one view for all powers. It shows the plan, asks what is missing, and lets the door do it."""
from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import door, targets
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.door import Receipt
from accounts.people import Person
from accounts.power import Plan, Power
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from accounts.schedules import words
from dsar.powers.cases import CaseForm
from portal.organization import enter
from portal.powers import form_for
from portal.views import people
from portal.views.stepup import ask, kept


def on_person(request: HttpRequest, slug: str, person_id: UUID, power_slug: str) -> HttpResponse:
    """A power over one member: GET shows what would happen, POST does it."""
    power = people.by_slug(power_slug)
    actor = enter(request, slug, permission=power.permission, by_right=power.slug in _VALUES)
    person = people.load(actor, person_id)
    if not (actor.may("view_people") or person.account.id == actor.account_id):
        raise NotFound
    if power.over != "member":
        return people.detail(request, slug, person_id)
    return _serve(request, power, actor, [person_id], person, _from(request, slug, power, actor, person))


def _from(request: HttpRequest, slug: str, power: Power, actor: Actor, person: Person) -> str:
    """Where an act on a member leads back to: the page it was chosen on."""
    if person.account.kind == "service" and actor.may("view_people"):
        return reverse("service-account", args=[slug, person.id])
    if power.slug == "edit-own-details":
        return reverse("me-who")
    if power.slug in _VALUES:
        return reverse("me-values")
    if power.slug in {"create-token", "revoke-token"} or not actor.may("view_people"):
        return reverse("tokens", args=[slug])
    if power.permission == "manage_apps" and (service := _service_in(request)):
        return reverse("service", args=[slug, service])
    if power.permission == "manage_groups" and (group := _group_in(request)):
        return reverse("group", args=[slug, group])
    return reverse("person", args=[slug, person.id])


_VALUES = ("accept-suggestion", "decline-suggestion", "dispute-value", "withdraw-dispute")
"""What people do about their own values: a right, so it is theirs too while their access is suspended."""


def _group_in(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("group", ""))
    except ValueError:
        return None


def _service_in(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("service", ""))
    except ValueError:
        return None


def on_organization(request: HttpRequest, slug: str, power_slug: str) -> HttpResponse:
    """A power that needs no existing target, such as inviting or creating a group."""
    power = people.by_slug(power_slug)
    actor = enter(request, slug, permission=power.permission)
    if power.over not in {"row", "organization"}:
        raise NotFound
    if power.slug == "present-recovery-codes":
        return redirect("recovery", slug)  # codes are typed only after the proof, so that no session keeps them
    if power.slug == "add-disclosure-evidence":
        return redirect("registers", slug)  # a file is chosen on the page of its entry
    back = reverse(_LISTS.get(power.slug, "people"), args=[slug])
    request.belongs_to = back  # type: ignore[attr-defined]
    return _serve(request, power, actor, [], None, back)


_STREAMS = ("add-log-stream", "pause-log-stream", "resume-log-stream", "rotate-log-stream-secret", "remove-log-stream")
_WEBHOOKS = ("add-webhook", "change-webhook", "rotate-webhook-secret", "pause-webhook", "resume-webhook", "redeliver-webhook", "test-webhook", "remove-webhook",
             "pause-security-events", "resume-security-events")
_DOMAINS = ("add-domain", "prove-domain", "renew-domain-token", "remove-domain", "announce-claim", "release-domain")
_CLAIMS = ("cancel-claim", "exempt-account", "answer-objection")
_KEEPING = ("set-audit-retention", "hold-audit", "release-audit-hold")
_RETENTION = ("set-retention-rule", "remove-retention-rule", "continue-retention-run")
_HOLDS = ("open-matter", "close-matter", "place-hold", "confirm-hold", "add-custodians", "release-custodians", "release-hold")
_NOTICE = ("put-in-notice", "take-from-notice", "write-notice", "discard-notice-draft", "publish-notice")
_SETTINGS = ("delete-organization", "cancel-organization-deletion", "update-organization", "set-contact", "set-limits", "set-field-policy", "set-edit-limits")
_INACTIVITY = ("set-inactivity-rule",)
_SUCCESSION = ("name-successors", "stop-succession", "make-recovery-codes", "set-succession-days")
_DISCLOSURES = ("record-disclosure", "answer-disclosure", "correct-disclosure", "extend-prohibition", "tell-of-disclosure", "add-disclosure-evidence")
_RECIPIENTS = ("add-recipient", "change-recipient", "end-recipient")
_APPS = ("add-app", "change-app", "withdraw-app", "set-app-policy", "review-app", "approve-app", "deny-app", "block-app", "install-app", "approve-app-scopes", "refuse-app-scopes", "suspend-app",
         "resume-app", "uninstall-app", "renew-app-secret")
_LISTS = {**dict.fromkeys(_APPS, "apps"), **dict.fromkeys(("request-app", "withdraw-app-request"), "app-catalogue"),
          **dict.fromkeys(("set-responder", "make-responder-token", "release-responder"), "responders"), **dict.fromkeys(("send-relay-again", "record-relay-answer"), "responders"),
          **dict.fromkeys(_DISCLOSURES, "registers"), **dict.fromkeys(_RECIPIENTS, "register-recipients"), "set-controller": "processing",
          "publish-transparency-report": "register-report", "hide-transparency-report": "register-report",
          **dict.fromkeys(("announce-business-transfer", "withdraw-business-transfer"), "register-transfer"),
          **dict.fromkeys(_SUCCESSION, "succession"), **dict.fromkeys(("accept-ownership", "decline-succession"), "my-succession"), "present-recovery-codes": "recovery",
          **dict.fromkeys(_NOTICE, "settings-notice"), **dict.fromkeys(_SETTINGS, "settings"), "send-announcement": "announcements",
          **dict.fromkeys(_INACTIVITY, "settings-inactivity"), "set-unused-accounts-rule": "settings-unused",
          **dict.fromkeys(_STREAMS, "audit-streams"), **dict.fromkeys(_WEBHOOKS, "webhooks"), **dict.fromkeys(_DOMAINS, "domains"), **dict.fromkeys(_CLAIMS, "claims"),
          **dict.fromkeys(_KEEPING, "audit-retention"), **dict.fromkeys(_RETENTION, "retention"), **dict.fromkeys(_HOLDS, "holds"), "create-role": "roles",
          **dict.fromkeys(("answer-request", "refuse-request", "extend-request", "ask-requester", "resolve-dispute",
                         "record-request", "vouch-for-requester", "release-copy", "make-fetch-code", "retry-request", "rebut-child-report",
                         "make-calendar-link", "end-calendar-link", "record-authority", "assign-request",
                         "finish-by-hand"), "rights-requests"),
          "create-group": "groups", "add-service": "services", "create-service-account": "service-accounts", "export-audit": "audit-exports",
          "set-audit-export-policy": "audit-exports",
          **dict.fromkeys(("export-organization", "stop-organization-export"), "organization-exports")}


def on_role(request: HttpRequest, slug: str, role_id: UUID, power_slug: str) -> HttpResponse:
    """A power over one role."""
    return _on_target(request, slug, role_id, power_slug, over="role")


def on_group(request: HttpRequest, slug: str, group_id: UUID, power_slug: str) -> HttpResponse:
    """A power over one group."""
    return _on_target(request, slug, group_id, power_slug, over="group")


def on_service(request: HttpRequest, slug: str, service_id: UUID, power_slug: str) -> HttpResponse:
    """A power over one service."""
    return _on_target(request, slug, service_id, power_slug, over="service")


_LIST_OF = {"role": "roles", "group": "groups", "service": "services"}


def _on_target(request: HttpRequest, slug: str, target_id: UUID, power_slug: str, *, over: str) -> HttpResponse:
    power = people.by_slug(power_slug)
    actor = enter(request, slug, permission=power.permission)
    if power.over != over:
        raise NotFound
    gone = over == "role" or power.slug in {"delete-group", "remove-service"}
    back = reverse(_LIST_OF[over], args=[slug]) if gone else reverse(over, args=[slug, target_id])
    return _serve(request, power, actor, [target_id], _loaded(power, actor, target_id), back)


def _loaded(power: Power, actor: Actor, target_id: UUID) -> Any:
    """The target as it is now, or NotFound."""
    if power.over == "member":
        return people.load(actor, target_id)
    found = targets.load(power=power, actor=actor, ids=[target_id], data={}, lock=False)
    if not found:
        raise NotFound
    return found[0]


def _form(request: HttpRequest, power: Power, actor: Actor, target: Any, *data: Any, **options: Any) -> Any:
    """The power's form, offering what there is to choose about this person."""
    form = form_for(power, request.organization, actor, *data, **options)
    if isinstance(target, Person) and hasattr(form, "offer"):
        form.offer(actor, target)
    return form


def _serve(request: HttpRequest, power: Power, actor: Actor, ids: list[UUID], target: Any, back: str) -> HttpResponse:
    initial = power.form.initial_for(target) if target is not None and hasattr(power.form, "initial_for") else {}
    if power.permission == "manage_groups" and power.over == "member":
        initial = {"group": str(_group_in(request) or "")}
    if hasattr(power.form, "initial_from"):
        initial = power.form.initial_from(request.GET)
    resumed = kept(request)
    if request.method != "POST":
        form = _form(request, power, actor, target, querydict(resumed)) if resumed else _form(request, power, actor, target, initial=initial)
        return _show(request, power, actor, ids, target, form, back, status=200)
    form = _form(request, power, actor, target, request.POST)
    confirm = request.POST.get("confirm", "")
    wrong = isinstance(target, Person) and power.ladder >= 2 and address_key(confirm) != target.account.email_key
    if "preview" in request.POST and form.is_valid():
        return _show(request, power, actor, ids, target, form, back, status=200)
    if not form.is_valid() or wrong:
        return _show(request, power, actor, ids, target, form, back, status=422, wrong_confirm=wrong)
    try:
        receipt = door.perform(power=power, actor=actor, ids=ids, data=form.cleaned_data, now=timezone.now(), version=request.POST.get("version") or None,
                               key=request.POST.get("key", "")[:100] or None)
    except StepUpNeeded as needed:
        return ask(request, needed.tier)
    except Stale:
        return _show(request, power, actor, ids, target, form, back, status=412)
    except Refused as refusal:
        return _show(request, power, actor, ids, target, form, back, status=422, refused=refusal.codes)
    return _done(request, power, receipt, back)


def querydict(data: dict[str, list[str]]) -> QueryDict:
    """What was typed before the step-up, as a form reads it."""
    found = QueryDict(mutable=True)
    for name, values in data.items():
        found.setlist(name, values)
    return found


def _plan(power: Power, actor: Actor, ids: list[UUID], form: Any) -> Plan | None:
    """The plan for what is in the form now; before anything was typed, and while a part of it cannot be read, for the form's defaults."""
    data = form.cleaned_data if form.is_bound and form.is_valid() else {n: f.initial for n, f in form.fields.items() if f.initial is not None}
    if power.over == "row" and not (data or {}).get("rows"):
        return None
    return door.plan(power=power, actor=actor, ids=ids, data=data or {}, now=timezone.now())


def _show(request: HttpRequest, power: Power, actor: Actor, ids: list[UUID], target: Any, form: Any, back: str, *, status: int,
          wrong_confirm: bool = False, refused: list[str] | None = None) -> HttpResponse:
    if form.is_bound:
        form.is_valid()
    plan = _plan(power, actor, ids, form)
    blockers = [text(code) for code in (refused or (list(plan.verdicts[0].reasons) if plan and not form.is_bound else []))]
    if status == 412:
        blockers = [text("stale")]
    if target is not None:
        target = _loaded(power, actor, target.id)
    person = target if isinstance(target, Person) else None
    instead = people.BY_SLUG.get(power.instead)
    return render(request, "power.html", {
        "power": power, "person": person, "target": target, "form": form, "plan": plan, "effects": plan.verdicts[0].effects if plan else (),
        "oneself": person is not None and person.account.id == actor.account_id and power.code.startswith("own."), "told_apart": "delay" in form.fields, "blockers": blockers,
        "back": back, "key": uuid4(), "wrong_confirm": wrong_confirm, "step_up": plan.step_up if plan else 0, "needs_approval": bool(plan and plan.needs_approval),
        "instead": instead if instead and person and not door.capability(power=instead, actor=actor, person=person, now=timezone.now()) else None,
        "letter": isinstance(form, CaseForm) and "message" in form.fields, "look": getattr(form, "LOOK", ""), "failed": status in {412, 422}, "unavailable": bool(blockers) and not form.is_bound,
    }, status=status)


_ONCE = {**dict.fromkeys(("add-service", "change-service", "new-service-secret"), "services/secret.html"),
         "make-recovery-codes": "succession/codes.html", "make-calendar-link": "rights/calendar.html", "make-responder-token": "relays/token.html", "make-fetch-code": "rights/fetch_code.html",
         **dict.fromkeys(("install-app", "renew-app-secret"), "apps/secret.html")}
"""The pages that show a secret once, where it is no API token."""


def _done(request: HttpRequest, power: Power, receipt: Receipt, back: str) -> HttpResponse:
    if receipt.plan_id:
        messages.info(request, _("A second person has to agree. The plan is waiting for 72 hours; nothing has happened yet."))
        return redirect("plan", request.organization.slug, receipt.plan_id)  # type: ignore[attr-defined]
    if receipt.secret:
        template = "audit/streams/secret.html" if power.slug in _STREAMS else "webhooks/secret.html" if power.slug in _WEBHOOKS else _ONCE.get(power.slug, "token_made.html")
        return render(request, template, {"secret": receipt.secret, "client_id": receipt.client_id, "back": back})
    if receipt.due:
        said = [_("Scheduled and recorded: %(what)s on %(when)s.") % {"what": power.title, "when": words.at(datetime.fromisoformat(receipt.due))}]
    else:
        said = [_("Done and recorded: %(what)s.") % {"what": power.title}, *_ended(receipt)]
    messages.success(request, " ".join(said), extra_tags=f"entry:{receipt.entries[0]}" if receipt.entries and not receipt.repeated else "")
    return redirect(back)


def _ended(receipt: Receipt) -> list[str]:
    words = {"sessions": lambda n: ngettext("%(n)d session ended.", "%(n)d sessions ended.", n), "tokens": lambda n: ngettext("%(n)d API token ended.", "%(n)d API tokens ended.", n),
             "invitations": lambda n: ngettext("%(n)d invitation was withdrawn.", "%(n)d invitations were withdrawn.", n)}
    return [words[kind](n) % {"n": n} for kind, n in receipt.ended.items() if n]
