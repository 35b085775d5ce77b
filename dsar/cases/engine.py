"""The engine: it takes one row of the table, in one transaction, with its entry. Nothing else changes the state of a case."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from accounts import holding, lately
from accounts.models import Account
from accounts.reasons import NotFound, Refused
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, Change, EntryDraft, TargetRef, Why
from dsar.cases import dates
from dsar.cases.models import Action, Case, Evidence, Happening, Outcome
from dsar.cases.table import BY_EVENT, DELAYED, OVER, Told, Who, needed, why_not


@dataclass
class Loaded:
    """A case with everything that belongs to it, locked."""

    case: Case
    actions: list[Action]
    happened: list[Happening]

    def told(self, who: Who, actor: UUID | None, data: Mapping[str, Any], now: datetime) -> Told:
        return Told(self.case, self.actions, self.happened, who, actor, data, now, self.rests(now))

    def rests(self, now: datetime) -> datetime | None:
        """Until when nothing is disclosed, deleted or corrected in the person's name."""
        return lately.until(self.case.account, now) if DELAYED & set(self.rights) else None

    @property
    def rights(self) -> list[str]:
        return [a.right for a in self.actions]


def load(case_id: UUID, *, lock: bool = True, **match: Any) -> Loaded:
    """The case, held until the transaction ends. Raises NotFound. Needs the scope."""
    rows = Case.objects.select_for_update() if lock else Case.objects.all()
    case = rows.filter(id=case_id, **match).first()
    if case is None:
        raise NotFound
    return Loaded(case, list(case.actions.order_by("right")), list(case.happenings.order_by("at", "id")))


def go(work: Work, loaded: Loaded, event: str, *, who: Who, actor: UUID | None = None, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Take one row with a loaded case. Raises Refused where the table does not have it, or its guard says no. Returns the facts of the entry; writing is `work`'s."""
    data, case, now = data or {}, loaded.case, work.now
    if codes := why_not(loaded.told(who, actor, data, now), event):
        raise Refused({str(case.id): codes})
    if who == "administrator" and {case.account_id, *case.barred} & set(work.people):  # whoever acts, and whoever agreed
        raise Refused({str(case.id): ["self" if case.account_id in work.people else "unknown_request"]})
    row, before = BY_EVENT[event], case.state
    for one in (case, *loaded.actions):
        if not any(one is new for new in work.added):
            work.track(one)
    if row.after:
        case.state = row.after
    if event == "barred" and data.get("account"):
        case.barred = sorted({*case.barred, data["account"]})
        if case.assigned == data["account"]:
            case.assigned, case.assigned_by_person = None, False
    if event == "assigned":
        case.assigned, case.assigned_by_person = data.get("account"), who == "person"
    if event == "proven":
        case.level = int(data["level"])
    if event in {"proven", "admitted"}:
        _verify(loaded, now)
    if row.decides and actor is not None:
        case.decided_by = actor
    _outcomes(loaded, row.outcome, event, data, now)
    case.closed_at = (case.closed_at or now) if case.state in OVER or row.clock == "stop" or case.state == "ready" else None
    gone = list(holding.free(Evidence.objects.filter(case_id=case.id)).only("id")) if case.state in OVER else []
    for one in gone:
        work.remove(one)
    happened = Happening(id=uuid4(), case=case, organization_id=case.organization_id, account_id=case.account_id, at=_after(loaded.happened, data.get("at") or now), event=event, by=who, actor=actor,
                         code=str(data.get("code") or "")[:40],
                         words=str(data.get("words") or "")[:2000], facts={**(data.get("facts") or {}), **({"agreed": [str(one) for one in work.people if one != actor]} if row.decides else {})})
    loaded.happened.append(happened)
    work.add(happened)
    for name, day in dates.reckoned(case, loaded.actions, loaded.happened).items():
        setattr(case, name, day)
    return {"case": str(case.id), "step": event, "row": row.number, "before": before, "after": case.state, "rights": loaded.rights, "happened": str(happened.id),
            "due": case.statutory_due.isoformat() if case.statutory_due else "", **({"ground": happened.code} if happened.code else {}), **({"evidence_destroyed": len(gone)} if gone else {}),
            **({"outcomes": {a.right: a.outcome for a in loaded.actions if a.outcome}} if case.state in OVER else {})}


def _after(happened: list[Happening], at: datetime) -> datetime:
    """When it happened; of several things in one act each a moment after the one before, so that their order is kept."""
    return max(at, happened[-1].at + timedelta(microseconds=1)) if happened else at


def _verify(loaded: Loaded, now: datetime) -> None:
    """Who asked is known now. What the same person has under way already, proven, is not opened a second time: it joins."""
    case = loaded.case
    others = set(Action.objects.filter(organization_id=case.organization_id, account_id=case.account_id, outcome=Outcome.OPEN, verified=True).exclude(case=case).values_list("right", flat=True))
    for action in loaded.actions:
        if action.right in others:
            action.outcome, action.decided_at = Outcome.MERGED, now
        else:
            action.verified = case.level >= needed([action])


def _outcomes(loaded: Loaded, every: str, event: str, data: Mapping[str, Any], now: datetime) -> None:
    """Each action's outcome: the same for all where the row says so, else what was decided for each. A reversed answer opens them again."""
    chosen, ground = data.get("outcomes") or {}, str(data.get("code") or "")[:40]
    for action in loaded.actions:
        if event == "reversed":
            action.outcome, action.ground, action.decided_at = Outcome.OPEN, "", None
        elif action.outcome == Outcome.OPEN and (outcome := every or chosen.get(action.right, "")):
            action.outcome, action.decided_at = outcome, now
            action.ground = ground if outcome in {Outcome.REFUSED, Outcome.PARTIAL} else ""


def happen(case_id: UUID, event: str, *, who: Who, actor: ActorRef, data: Mapping[str, Any] | None = None, now: datetime, via: str = "schedule", **match: Any) -> Loaded:
    """What time, a job, or a person without a session brings about: one row, one transaction, one entry. Needs a scope that sees the case."""
    with transaction.atomic():
        loaded, work = load(case_id, **match), Work(now=now)
        account = Account.objects.get(id=loaded.case.account_id)
        facts = go(work, loaded, event, who=who, actor=actor.id, data=data)
        written(work, [draft(loaded, facts, actor=actor, via=via, account=account, work=work)], org=loaded.case.organization_id, now=now)
    return loaded


def written(work: Work, drafts: list[EntryDraft], *, org: UUID, now: datetime) -> None:
    with recording.opened(org=org, now=now) as act:
        work.flush()
        act.write(drafts, close=True)  # several may follow each other in one transaction


def draft(loaded: Loaded, facts: Mapping[str, Any], *, actor: ActorRef, via: str, account: Account, work: Work) -> EntryDraft:
    """The entry of one row: codes, counts and dates; words only as a commitment."""
    case, happened = loaded.case, next(h for h in loaded.happened if str(h.id) == facts["happened"])
    there = None if account.status == "purged" else account.id  # of somebody who is gone the log learns no name again
    changes: Iterable[Change] = [c for one in (case, *loaded.actions) if id(one) in work.tracked for c in work.changes_of(one, subject=there)]
    return EntryDraft(org=case.organization_id, action=BY_EVENT[happened.event].entry, category="case", outcome="success", actor=actor, via=via, changes=list(changes),
                      targets=[TargetRef(type="person", id=account.id, label=(account.name or account.email) if there else "", subject=there), TargetRef(type="case", id=case.id)],
                      why=Why(text=happened.words, subject=there) if happened.words and there else Why(), facts=dict(facts))
