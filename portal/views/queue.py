"""The queue of requests, for administrators: what needs them first, and what can be done with each."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions, lately
from accounts.actor import Actor
from accounts.models import Account, Management, Membership, RightsRequest
from accounts.power import Words
from accounts.reasons import NotFound, text
from dsar import disputed
from dsar.cases import calendar, fetching, figures, mailbox, plans, words
from dsar.cases.models import Agent, Case, Channel, State, Task, TaskKind
from dsar.cases.table import DELAYED, DESTROYS, DISCLOSES, OPEN, OVER, needed
from dsar.powers.cases import visible
from dsar.relays import shown
from portal.organization import enter

PERMISSION = "manage_requests"
SHOWN, SOON = 200, 7
WHOSE = {"mine": gettext_lazy("Mine"), "none": gettext_lazy("Nobody’s yet")}
RISKS = ("overdue", "due", "destructive", "conflict", "")
"""What needs somebody first comes first."""
_BY_STATE: dict[str, tuple[str, ...]] = {
    State.DISPUTED: ("resolve-dispute",), State.IDENTITY_PENDING: ("vouch-for-requester",), State.REVIEW: ("release-copy",), State.BLOCKED: ("retry-request", "finish-by-hand"),
    State.TRIAGE: ("answer-request", "ask-requester", "extend-request", "refuse-request"), State.PLANNED: ("answer-request", "extend-request", "refuse-request"),
}


_LABELS: dict[str, Words] = {
    "answer-request": gettext_lazy("Answer by hand"), "ask-requester": gettext_lazy("Ask the person"), "extend-request": gettext_lazy("Take more time"), "refuse-request": gettext_lazy("Refuse"),
    "resolve-dispute": gettext_lazy("Decide"), "vouch-for-requester": gettext_lazy("Vouch"), "record-authority": gettext_lazy("Record the authority"),
    "assign-request": gettext_lazy("Hand over"), "finish-by-hand": gettext_lazy("Finish by hand"), "release-copy": gettext_lazy("Release the copy"),
    "make-fetch-code": gettext_lazy("Make a code to fetch it"), "retry-request": gettext_lazy("Try again"),
    "make-requested-copy": gettext_lazy("Make the copy"), "delete-as-requested": gettext_lazy("Delete the account"), "grant-own-deletion": gettext_lazy("Agree"),
    "decline-own-deletion": gettext_lazy("Decline"), "rebut-child-report": gettext_lazy("The account stays"),
}
"""What the acts are called beside a request."""
_RESTING = frozenset({"make-requested-copy", "delete-as-requested", "grant-own-deletion", "answer-request", "release-copy", "make-fetch-code", "finish-by-hand"})
"""What is refused while a request rests, and so is not offered."""


@dataclass
class Line:
    """One request of the list: whose it is, how pressing, and what this administrator can do with it."""

    row: Case
    member: UUID | None
    risk: str
    acts: list[tuple[str, Words]]
    handler: str
    """The name of whoever handles it, '' while nobody in particular does."""
    rests: datetime | None
    """Until when nothing is disclosed, deleted or corrected, because the way in to the account changed."""
    left: int | None
    """Days until it is due, negative once it was missed."""

    @property
    def asked(self) -> str:
        return words.asked(self.row.actions.all())

    @property
    def state(self) -> str:
        return str(words.STATE_OF.get(self.row.state) or self.row.get_state_display())


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """What people asked, by risk; and what was answered lately."""
    actor = enter(request, slug, permission=PERMISSION)
    seen = visible(actor.organization_id, actor).select_related("account", "organization").prefetch_related("actions")
    waiting = list(RightsRequest.objects.filter(organization_id=actor.organization_id, state="open").exclude(id__in=Task.objects.filter(kind=TaskKind.ERASE).values("refers"))
                   .select_related("account").order_by("asked_at")[:SHOWN])
    whose = request.GET.get("whose", "")
    rows = list(_whose(seen.filter(state__in=OPEN), whose, actor).order_by("statutory_due", "received_at")[:SHOWN])
    members = dict(Membership.objects.filter(organization_id=actor.organization_id, account_id__in={r.account_id for r in (*rows, *waiting)}).values_list("account_id", "id"))
    return render(request, "rights/requests.html", {
        "whose": whose if whose in WHOSE else "", "filters": [("", _("All")), *WHOSE.items()],
        "lines": sorted(lines(rows, members, actor, slug), key=lambda line: RISKS.index(line.risk)), "open": [(r, members.get(r.account_id)) for r in waiting],
        "answered": seen.filter(state__in=OVER).order_by("-closed_at")[:50], "calendar": calendar.link_of(request.user, actor.organization_id), "may": actor.scope_groups is None,
        "may_delete": actor.may("delete_accounts")})


def _whose(rows: QuerySet[Case], whose: str, actor: Actor) -> QuerySet[Case]:
    """All, what this administrator handles, or what nobody does."""
    return rows.filter(assigned=actor.account_id) if whose == "mine" else rows.filter(assigned=None) if whose == "none" else rows


def one(request: HttpRequest, slug: str, case_id: UUID) -> HttpResponse:
    """One request: what was asked, by when and why, what happened, what it takes, and what can be done."""
    actor, now = enter(request, slug, permission=PERMISSION), timezone.now()
    row = visible(actor.organization_id, actor).filter(id=case_id).select_related("account", "organization").prefetch_related("actions", "happenings").first()
    if row is None:
        raise NotFound
    members = dict(Membership.objects.filter(organization_id=actor.organization_id, account_id=row.account_id).values_list("account_id", "id"))
    managed = Management.objects.filter(organization_id=actor.organization_id, account_id=row.account_id).exists()
    who = dict(Account.objects.filter(id__in={h.actor for h in row.happenings.all() if h.actor}).values_list("id", "name"))
    rights = {a.right for a in row.actions.all()}
    line, values = next(iter(lines([row], members, actor, slug))), list(disputed.of(row))
    if any(one.state == "open" for one in values):  # each of them is answered by itself
        line.acts = [(path, label) for path, label in line.acts if "/answer-request/" not in path and "/refuse-request/" not in path]
    waits = deletions.on_hold([row.account_id]).get(row.account_id, []) if row.not_before and row.state == "scheduled" else []
    return render(request, "rights/one.html", {
        "waits_for": [text(code) for code in waits],
        "line": line, "standing": mailbox.standing(row, now), "who": who, "timeline": [(words.SENTENCES.get(f"case.{h.event}", h.event) % {
            "actor": who.get(h.actor, _("Nobody in particular")) if h.actor else _("Nobody in particular"), "target": row.account.name or row.account.email}, h) for h in
            sorted(row.happenings.all(), key=lambda h: (h.at, h.id))],
        "plan": plans.counted(account_id=row.account_id, organization_id=row.organization_id, managed=managed) if rights & (DISCLOSES | DESTROYS) and row.closed_at is None else [],
        "relays": shown.of_case(row.id), "disputes": values, "files": row.evidence.defer("sealed").order_by("added_at"),
        "may_profile": actor.may("update_profiles"), "erases": bool(rights & DESTROYS), "needed": needed(list(row.actions.all()))})


def statistics(request: HttpRequest, slug: str) -> HttpResponse:
    """How requests of the last year went, as numbers."""
    actor, now = enter(request, slug, permission=PERMISSION), timezone.now()
    found = figures.figures(organization_id=actor.organization_id, since=now - timedelta(days=365))
    return render(request, "rights/figures.html", {"rows": found, "total": sum(row.count for row in found), "open": sum(row.count for row in found if not row.outcome),
                                                   "late": sum(row.late for row in found)})


def lines(rows: list[Case], members: dict[UUID, UUID], actor: Actor, slug: str) -> Iterable[Line]:
    """Each request with what can be done; the order of what is due is kept."""
    managed = set(Management.objects.filter(organization_id=actor.organization_id, account_id__in=[r.account_id for r in rows]).values_list("account_id", flat=True))
    asked = set(RightsRequest.objects.filter(organization_id=actor.organization_id, state="open").values_list("id", flat=True))
    own = {task.case_id for task in Task.objects.filter(case__in=rows, kind=TaskKind.ERASE) if task.refers in asked}
    agents_waiting = set(Agent.objects.filter(case__in=[r.id for r in rows if r.channel == "agent"], state="stated").values_list("case_id", flat=True))
    shut = fetching.vouched_among([r.id for r in rows if r.state == State.READY and r.account.status != "active"])
    handlers = dict(Account.objects.filter(id__in={r.assigned for r in rows if r.assigned}).values_list("id", "name"))
    open_rights: dict[UUID, set[str]] = defaultdict(set)
    now = timezone.now()
    for row in rows:
        open_rights[row.account_id] |= {a.right for a in row.actions.all()}
    for row in rows:
        rights = {a.right for a in row.actions.all()}
        slugs = [] if row.account_id == actor.account_id or actor.scope_groups is not None else list(_BY_STATE.get(row.state, ()))
        over_person: list[str] = []
        if slugs and row.channel == Channel.REPORT and row.state in {State.TRIAGE, State.PLANNED}:
            slugs = ["rebut-child-report", "ask-requester", "answer-request"] if row.state == State.TRIAGE else ["rebut-child-report", "answer-request"]
        if slugs and row.state in {State.TRIAGE, State.PLANNED} and row.account_id in members:
            if rights <= DISCLOSES:
                over_person = ["make-requested-copy"]
            elif rights == {"erasure"} and row.account_id in managed and actor.may("delete_accounts"):
                over_person = ["grant-own-deletion", "decline-own-deletion"] if row.id in own else ["delete-as-requested"]
        if slugs and row.channel == "agent" and row.id in agents_waiting:
            slugs.append("record-authority")
        if row.id in shut and row.account_id != actor.account_id and actor.scope_groups is None:
            slugs.append("make-fetch-code")
        if slugs and row.state in OPEN:
            slugs.append("assign-request")
        rests = lately.until(row.account, now) if rights & DELAYED and row.closed_at is None else None
        if rests:
            slugs, over_person = [one for one in slugs if one not in _RESTING], [one for one in over_person if one not in _RESTING]
        acts = [(reverse("power", args=[slug, members[row.account_id], one]), _LABELS[one]) for one in over_person]
        acts += [(f"{reverse('organization-power', args=[slug, one])}?request={row.id}", _LABELS[one]) for one in slugs]
        yield Line(row, members.get(row.account_id), _risk(row, rights, open_rights[row.account_id]), acts, handlers.get(row.assigned, "") if row.assigned else "", rests, _left(row))


def _left(row: Case) -> int | None:
    return (row.statutory_due - timezone.now().astimezone(ZoneInfo(row.time_zone)).date()).days if row.statutory_due else None


def _risk(row: Case, rights: set[str], all_open: set[str]) -> str:
    left = _left(row)
    if left is not None and left < 0:
        return "overdue"
    if left is not None and left <= SOON:
        return "due"
    if rights & DESTROYS:
        return "destructive"
    return "conflict" if row.state in {State.DISPUTED, State.BLOCKED} or row.barred or all_open & DESTROYS else ""
