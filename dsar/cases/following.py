"""What happens elsewhere and moves a request: its copy is made, fetched or gone, the deletion is asked for, decided, taken back or done. Read from the committed log, so that nothing is lost."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from accounts.models import Account, Deletion, Organization, RightsRequest, Tombstone
from accounts.reasons import Refused
from accounts.work import Work
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber
from dsar.cases import engine, intake
from dsar.cases.engine import Loaded
from dsar.cases.models import Case, Channel, Outcome, Right, State, Task, TaskKind
from dsar.export import run
from dsar.models import Copy, CopyState

_CLOCK = ActorRef(type="schedule")
Step = tuple[str, str, dict[str, Any]]
"""An event of the table, who brings it about, and what it says."""


def handle(batch: list[Sealed]) -> None:
    """One after the other. What the table does not have by now is passed over: somebody was faster, or it was seen before."""
    for sealed in batch:
        if sealed.outcome != "success" and sealed.action != "package.failed":
            continue
        try:
            with transaction.atomic():
                FOLLOWS[sealed.action](sealed)
        except Refused:
            continue


def _steps(case: Case, steps: list[Step], *, actor: UUID | None = None, prepare: Callable[[Loaded, Work], None] | None = None) -> None:
    now = datetime.now(UTC)
    loaded, work = engine.load(case.id), Work(now=now)
    account = Account.objects.get(id=case.account_id)
    work.track(loaded.case)
    if prepare is not None:
        prepare(loaded, work)
    facts = [engine.go(work, loaded, event, who=who, actor=actor if who != "schedule" else None, data=data) for event, who, data in steps]  # type: ignore[arg-type]
    drafts = [engine.draft(loaded, one, actor=ActorRef(type="user", id=actor) if actor else _CLOCK, via="schedule", account=account, work=work) for one in facts]
    engine.written(work, drafts, org=case.organization_id, now=now)


def _person(sealed: Sealed) -> UUID:
    return next(UUID(t["id"]) for t in sealed.record["targets"] if t["type"] == "person")


def _by(sealed: Sealed) -> UUID | None:
    number = sealed.record["actor"].get("id")
    return UUID(number) if number else None


# Copies


def _copy(sealed: Sealed) -> None:
    task = Task.objects.filter(kind=TaskKind.COPY, refers=sealed.record["facts"]["copy"]).select_related("case").order_by("id").first()
    if task is None:
        return
    case = task.case
    again = case.state == State.EXPIRED_PACKAGE
    if sealed.action == "package.built" and again:
        _steps(case, [("made_again", "schedule", {})], prepare=_there_again)
    elif sealed.action == "package.built":
        _steps(case, [("built", "schedule", {"facts": {"manifest": sealed.record["facts"].get("manifest", ""), "records": sealed.record["facts"].get("records", 0)}})], prepare=_tasks("done"))
    elif sealed.action == "package.failed" and again:
        _steps(case, [("not_made_again", "schedule", {"code": str(sealed.record["facts"].get("problem", ""))})], prepare=_tasks("failed"))
    elif sealed.action == "package.expiring":
        _steps(case, [("expires_soon", "schedule", {})])
    elif sealed.action == "package.failed":
        _steps(case, [("blocked", "schedule", {"code": str(sealed.record["facts"].get("problem", ""))})], prepare=_tasks("failed"))
    elif sealed.action == "package.downloaded":
        _steps(case, [("delivered", "person", {})], actor=case.account_id)
    else:
        _steps(case, [("package_expired", "schedule", {})])


def _there_again(loaded: Loaded, work: Work) -> None:
    """It was released before: somebody looked then, and the same rules made it anew. From now on it can be fetched for as long as the first one."""
    _tasks("done")(loaded, work)
    for made in Copy.objects.select_for_update().filter(for_case=loaded.case.id, state=CopyState.READY):
        work.track(made)
        made.expires_at = work.now + run.KEPT


def _tasks(state: str) -> Callable[[Loaded, Work], None]:
    def prepare(loaded: Loaded, work: Work) -> None:
        for task in Task.objects.select_for_update().filter(case=loaded.case).order_by("id"):
            work.track(task)
            task.state, task.done_at = state, work.now if state == "done" else None
    return prepare


# Deletions


def _asked(sealed: Sealed) -> None:
    """A deletion that was asked of the organization that manages the account is a request like any other: this is its record, and its clock."""
    asked = RightsRequest.objects.filter(id=sealed.record["facts"].get("request")).first()
    if asked is None or Task.objects.filter(kind=TaskKind.ERASE, refers=asked.id).exists():
        return
    account, work = Account.objects.select_for_update().get(id=asked.account_id), Work(now=datetime.now(UTC))
    got = intake.receive(work, organization=Organization.objects.get(id=asked.organization_id), account=account, rights=[Right.ERASURE], channel=Channel.PAGE, level=2, who="person", actor=account.id,
                         words=asked.words, received_at=asked.asked_at)
    case, action = got.loaded.case, got.loaded.actions[0]
    if not Task.objects.filter(action=action, kind=TaskKind.ERASE).exists():
        work.add(Task(id=uuid4(), case=case, action=action, organization_id=case.organization_id, account_id=account.id, kind=TaskKind.ERASE, refers=asked.id))
    drafts = [engine.draft(got.loaded, one, actor=ActorRef(type="user", id=account.id), via="schedule", account=account, work=work) for one in got.facts]
    drafts = drafts or [EntryDraft(org=case.organization_id, action="case.linked", category="case", outcome="success", actor=_CLOCK, via="schedule",
                                   facts={"case": str(case.id), "request": str(asked.id)},
                                   targets=[TargetRef(type="person", id=account.id, subject=account.id), TargetRef(type="case", id=case.id)])]
    engine.written(work, drafts, org=case.organization_id, now=work.now)


def _answered(sealed: Sealed) -> None:
    """The organization answered by its own two powers, or the person withdrew: the request says the same."""
    task = Task.objects.filter(kind=TaskKind.ERASE, refers=sealed.record["facts"].get("request")).select_related("case").first()
    if task is None:
        return
    asked = RightsRequest.objects.get(id=task.refers)
    if sealed.action == "account.deletion_granted":
        _granted(task, asked, sealed)
    elif sealed.action == "account.deletion_declined":
        ground = str(sealed.record.get("reason_code") or (sealed.record.get("why") or {}).get("reason_code") or "")
        _steps(task.case, [("refused", "administrator", {"code": ground, "words": asked.answer})], actor=_by(sealed))
    else:
        _steps(task.case, [("withdrawn", "person", {})], actor=asked.account_id)


def _granted(task: Task, asked: RightsRequest, sealed: Sealed) -> None:
    row = Deletion.objects.filter(account_id=asked.account_id).first()

    def prepare(loaded: Loaded, work: Work) -> None:
        loaded.case.plan = dict.fromkeys(loaded.rights, "erase")
        loaded.case.plan_hash = hashlib.sha256(json.dumps(loaded.case.plan, sort_keys=True).encode()).hexdigest()
        loaded.case.not_before = row.purge_at if row else None
    _steps(task.case, [("planned", "administrator", {"done": True}),
                       ("approved", "administrator", {"words": asked.answer, "done": True}), ("scheduled", "schedule", {})], actor=_by(sealed), prepare=prepare)


def _cancelled(sealed: Sealed) -> None:
    """The person took the deletion back, and with it what they asked; where an administrator did, the request still stands and is planned again."""
    for case in Case.objects.filter(account_id=_person(sealed), state=State.SCHEDULED):
        if _by(sealed) == case.account_id:
            _steps(case, [("withdrawn", "person", {})], actor=case.account_id)
        else:
            _steps(case, [("moved", "schedule", {})])


def _purged(sealed: Sealed) -> None:
    """The account is gone: the request ends as done, with the number of what is kept to prove it."""
    proof = Tombstone.objects.filter(account=_person(sealed)).first()

    def prepare(loaded: Loaded, work: Work) -> None:
        loaded.case.not_before = min(loaded.case.not_before or work.now, work.now)  # two people may have brought it forward
        _tasks("done")(loaded, work)
    for case in Case.objects.filter(account_id=_person(sealed), state=State.SCHEDULED):
        rights = case.actions.values_list("right", flat=True)
        _steps(case, [("started", "schedule", {}), ("fulfilled", "schedule", {"outcomes": dict.fromkeys(rights, Outcome.GRANTED), "facts": {
            "certificate": str(proof.id) if proof else "", "backups_until": proof.backups_until.isoformat() if proof and proof.backups_until else ""}})],
               prepare=prepare)


def _over(sealed: Sealed) -> None:
    """The request ended in another way: nobody has to answer the deletion beside it any more."""
    for task in Task.objects.filter(case_id=sealed.record["facts"].get("case"), kind=TaskKind.ERASE):
        asked = RightsRequest.objects.select_for_update().filter(id=task.refers, state="open").first()
        if asked is None:
            continue
        work = Work(now=datetime.now(UTC))
        work.track(asked)
        asked.state = "ended"
        changes = work.changes_of(asked, subject=asked.account_id)
        engine.written(work, [EntryDraft(org=asked.organization_id, action="account.deletion_request_ended", category="account", outcome="success", actor=_CLOCK, via="schedule", changes=list(changes),
                                         targets=[TargetRef(type="person", id=asked.account_id, subject=asked.account_id), TargetRef(type="rights_request", id=asked.id)])],
                       org=asked.organization_id, now=work.now)


FOLLOWS: dict[str, Callable[[Sealed], None]] = {
    **dict.fromkeys(("package.built", "package.failed", "package.downloaded", "package.destroyed", "package.expiring"), _copy), "account.deletion_asked": _asked,
    **dict.fromkeys(("account.deletion_granted", "account.deletion_declined", "account.deletion_request_withdrawn"), _answered),
    "account.deletion_cancelled": _cancelled, "account.purged": _purged, **dict.fromkeys(("case.refused", "case.withdrawn", "case.fulfilled", "case.fulfilled_in_part"), _over),
}
SUBSCRIBER = Subscriber(name="cases-follow", handle=handle, actions=frozenset(FOLLOWS))
