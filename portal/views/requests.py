"""The person's requests: ask, follow, take back (policy B6, B9, B10)."""
from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door, lately
from accounts.models import Account, Membership
from accounts.reasons import NotFound, Refused, StepUpNeeded, text
from accounts.tenancy import installation
from dsar import disputed
from dsar.cases import agents, dates, evidence, words
from dsar.cases.engine import Loaded
from dsar.cases.models import Case, Letters, State
from dsar.cases.table import OVER, UNCLAIMED
from dsar.models import Copy, CopyState
from dsar.powers import adding, cases, dialogue, identity
from dsar.relays import shown
from portal.jobs import wake
from portal.organization import myself
from portal.views.stepup import ask, kept


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """What the person asked, and the form for one right."""
    actor, now, resumed = myself(request), timezone.now(), kept(request)
    initial = {name: values[0] for name, values in (resumed or {}).items() if values} or {"right": request.GET.get("right", "")}
    form = cases.AskForm(request.POST) if request.method == "POST" else cases.AskForm(initial=initial)
    mine = Membership.objects.filter(account=request.user).exclude(status="invited").select_related("organization").order_by("organization__name")
    form.fields["organization"].choices = [(m.organization.slug, m.organization.name) for m in mine]  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        try:
            door.perform(power=cases.ASK, actor=actor, data=form.cleaned_data, now=now, key=request.POST.get("key", "")[:100] or None)
        except StepUpNeeded as needed:
            return ask(request, needed.tier)
        except Refused as refusal:
            messages.info(request, text(refusal.codes[0]))
        else:
            wake()
            messages.success(request, _("Your request is written down. You find it here, and get a receipt by mail."))
        return redirect("me-requests")
    return render(request, "me/requests.html", {"form": form, "rows": cases.of_person(request.user), "rests": lately.until(request.user, now), "key": uuid4()}, status=422 if form.is_bound else 200)


@login_required
def one(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """One request, step by step."""
    row = Case.objects.filter(id=case_id, account=request.user).select_related("organization").first()
    if row is None:
        raise NotFound
    form, add = _words(row, request), _adding(row, request)
    if request.method == "POST" and (done := _done(request, row, form, add)) is not None:
        return done
    actions, happened = list(row.actions.order_by("right")), list(row.happenings.order_by("at", "id"))
    return render(request, "me/request.html", {
        "row": row, "actions": actions, "why": dates.explained(row, actions, happened),
        "rests": Loaded(row, actions, happened).rests(timezone.now()) if row.closed_at is None or row.state == State.READY else None,
        "agent": agents.of(row), "letters": Letters.choices, "may_withdraw": row.state in UNCLAIMED and row.channel != "report",
        "may_again": not cases.codes(row, "asked_again", "person", row.account_id, {}, timezone.now()),
        "may_downgrade": not cases.codes(row, "downgraded", "person", row.account_id, {}, timezone.now()), "complain": words.complain(row.regimes), "handlers": _handlers(row),
        "relays": shown.of_case(row.id), "disputes": disputed.of(row), "files": row.evidence.defer("sealed").order_by("added_at"), "add": add,
        "copy": Copy.objects.filter(for_case=row.id, account_id=row.account_id, state=CopyState.READY).first() if row.state in {State.READY, State.DELIVERED} else None,
        "timeline": [(words.TIMELINE[h.event], h) for h in happened], "form": form, "question": row.state == State.CLARIFICATION_PENDING,
        "asked": next((h.words for h in reversed(happened) if h.event == "ask"), ""), "may_dispute": form is not None and row.state in OVER},
        status=422 if any(one is not None and one.is_bound for one in (form, add)) else 200)


one.body_limit = evidence.BYTES + 64 * 1024  # type: ignore[attr-defined]


def _adding(row: Case, request: HttpRequest) -> adding.AddForm | None:
    """The form for what the person may add now."""
    if cases.codes(row, "added", "person", row.account_id, {}, timezone.now()):
        return None
    form = adding.AddForm(_sent(request), auto_id="add_%s") if request.POST.get("do") == "add" else adding.AddForm(auto_id="add_%s")
    del form.fields["request"]
    if not row.actions.filter(right__in=("correct", "child")).exists():
        del form.fields["file"]
    return form


def _sent(request: HttpRequest) -> dict[str, str]:
    """What was typed and chosen, as the form takes it from everywhere."""
    file = request.FILES.get("file")
    if file is not None and file.size > evidence.BYTES:
        return {"message": request.POST.get("message", ""), "file": "-" * (evidence.TEXT + 1)}
    return {"message": request.POST.get("message", ""), "file": base64.b64encode(file.read()).decode() if file is not None else ""}


def _handlers(row: Case) -> list[Account]:
    """From whom the person can keep the request."""
    if cases.codes(row, "barred", "person", row.account_id, {}, timezone.now()):
        return []
    with installation("who handles a request is known to whoever made it"):
        return dialogue.handlers(row)


_DO = {"confirm": identity.CONFIRM, "downgrade": identity.DOWNGRADE, "agent": identity.AGENT, "no-agent": identity.AGENT, "withdraw": cases.WITHDRAW, "bar": dialogue.BAR, "handler": dialogue.HANDLER,
       "again": dialogue.AGAIN, "answer": dialogue.ANSWER, "dispute": dialogue.DISPUTE, "add": adding.POWER}


def _words(row: Case, request: HttpRequest) -> dialogue.WordsForm | None:
    """The form for what the person may say now: an answer to a question, or that they disagree."""
    event = "answered" if row.state == State.CLARIFICATION_PENDING else "disputed"
    if cases.codes(row, event, "person", row.account_id, {}, timezone.now()):
        return None
    form = dialogue.WordsForm(request.POST) if request.POST.get("do") in {"answer", "dispute"} else dialogue.WordsForm()
    del form.fields["request"]
    return form


def _done(request: HttpRequest, row: Case, form: dialogue.WordsForm | None, add: adding.AddForm | None) -> HttpResponse | None:
    """What the person does with their request; None where their words cannot be taken as they are."""
    power = _DO.get(request.POST.get("do", ""))
    if power is None:
        raise NotFound
    if power.form is dialogue.WordsForm and form is not None and not form.is_valid():
        return None
    if power is adding.POWER and add is not None and not add.is_valid():
        return None
    said: dict[str, Any] = {}
    if add is not None and add.is_bound:
        said = add.cleaned_data
    elif form is not None and form.is_bound:
        said = {"message": form.cleaned_data["message"]}
    if power in (dialogue.BAR, dialogue.HANDLER):
        said = {"administrator": request.POST.get("administrator", "")[:254]}
    if power is identity.AGENT:
        letters = request.POST.get("letters", "")
        said = {"answer": "confirm" if request.POST["do"] == "agent" else "end", "letters": letters if letters in Letters.values else Letters.PERSON}
    if said.get("administrator") == "":
        messages.info(request, _("Choose somebody first."))
        return redirect("me-request", row.id)
    try:
        door.perform(power=power, actor=myself(request), data={"request": str(row.id), **said}, now=timezone.now())
        wake()
        messages.success(request, _("Done. It stands below, under what happened."))
    except StepUpNeeded as needed:
        return ask(request, needed.tier)
    except Refused as refusal:
        messages.info(request, text(refusal.codes[0]))
    return redirect("me-request", row.id)
