"""What somebody does with nothing but their mailbox: ask, take back, answer, disagree (RIGHTS 3d, level 1)."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import rights
from accounts.models import Account, Organization
from accounts.reasons import NotFound, Refused
from accounts.tenancy import installation
from accounts.work import Work
from audit.record import ActorRef
from dsar.cases import agents, dates, engine, fetching, intake, unproven, words
from dsar.cases.models import ASKABLE, Action, Agent, Case, Channel, Happening, Letters, Outcome, State
from dsar.cases.table import OVER, UNCLAIMED, why_not
from dsar.models import Copy

LEVEL = 1
DOES = ("withdrawn", "answered", "disputed", "downgraded", "agent_confirmed", "agent_ended")
"""What of their cases a mailbox is enough for: nothing of it discloses or destroys anything."""


def ask(*, account: Account, organization_id: UUID, right: str, words: str, now: datetime) -> Case:
    """Ask of an organization that closed something to the person. Raises NotFound for any other, Refused where the same waits already."""
    if right not in dict(ASKABLE) or organization_id not in {place.organization.id for place in rights.places(account)}:
        raise NotFound
    case, again = receive(account_id=account.id, organization_id=organization_id, right=right, words=words, now=now)
    if again:
        raise Refused({"": ["asked_already"]})
    return case


def receive(*, account_id: UUID, organization_id: UUID, right: str, words: str, now: datetime, agent: Mapping[str, str] | None = None) -> tuple[Case, bool]:
    """The case, and whether it was there already. Nothing that is known better waits for it, is joined to it or ends with it."""
    words = words.replace("\x00", "")
    with installation("a person asks an organization for what is theirs"), transaction.atomic():
        account, work = Account.objects.select_for_update().get(id=account_id), Work(now=now)
        if (waits := _waiting(account, organization_id, right)) is not None:
            return waits, True
        got = intake.receive(work, organization=Organization.objects.get(id=organization_id), account=account, rights=[right], channel=Channel.AGENT if agent else Channel.MAILBOX, level=LEVEL,
                             who="agent" if agent else "person", actor=None if agent else account.id, words=words)
        if agent and not got.again:  # whoever typed the code has it from the person's mailbox
            row = agents.stated(work, got.loaded.case, dict(agent))
            got.facts.append(agents.confirm(work, got.loaded, letters=agent["letters"], method="mailbox", who="person", actor=account.id, row=row))
        if not got.again:
            drafts = [engine.draft(got.loaded, facts, actor=by(account), via="ui", account=account, work=work) for facts in got.facts]
            engine.written(work, drafts, org=organization_id, now=now)
        return got.loaded.case, got.again


def _waiting(account: Account, organization_id: UUID, right: str) -> Case | None:
    """What the same mailbox asked before and nobody has proven since."""
    rows = Action.objects.filter(account=account, organization_id=organization_id, right=right, outcome=Outcome.OPEN, case__channel__in=(Channel.MAILBOX, Channel.AGENT), case__level=LEVEL)
    row = rows.select_related("case").first()
    return row.case if row else None


def by(account: Account) -> ActorRef:
    """Somebody of whom the mailbox is all that is known."""
    return ActorRef(type="user", id=account.id, auth_method="mail_link", name=account.name, email=account.email)


def do(*, account: Account, case_id: UUID, event: str, words: str, now: datetime) -> None:
    """Take back, answer or disagree. Raises NotFound for somebody else's case, Refused where the table does not have it."""
    if event not in DOES:
        raise NotFound
    words = words.replace("\x00", "")
    if event in {"answered", "disputed"} and not words.strip():
        raise Refused({"": ["words_missing"]})
    with installation("a person and their own request"):
        if event == "withdrawn" and Case.objects.filter(id=case_id, account=account, state=State.SCHEDULED).exists():
            rights.cancel_deletion(account_id=account.id, now=now)
        if event == "downgraded":
            return _downgrade(account, case_id, now)
        if event in {"agent_confirmed", "agent_ended"}:
            return _agent(account, case_id, event, words.strip(), now)
        engine.happen(case_id, event, who="person", actor=by(account), data={"words": words.strip()}, now=now, via="ui", account_id=account.id)


def _downgrade(account: Account, case_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        account, work = Account.objects.select_for_update().get(id=account.id), Work(now=now)
        loaded = engine.load(case_id, account_id=account.id)
        steps = unproven.downgrade(work, loaded, account=account, who="person", actor=account.id)
        engine.written(work, [engine.draft(one, facts, actor=by(account), via="ui", account=account, work=work) for one, facts in steps], org=loaded.case.organization_id, now=now)


def _agent(account: Account, case_id: UUID, event: str, letters: str, now: datetime) -> None:
    """The person's mailbox says whether somebody acts for them, and once where letters go: what was confirmed by a code that somebody else may hold is changed signed in only."""
    with transaction.atomic():
        work = Work(now=now)
        loaded = engine.load(case_id, account_id=account.id)
        if codes := agents.codes(loaded.case, answer="confirm" if event == "agent_confirmed" else "end"):
            raise Refused({"": codes})
        if event == "agent_confirmed":
            facts = agents.confirm(work, loaded, letters=letters if letters in Letters.values else Letters.PERSON, method="mailbox", who="person", actor=account.id)
        else:
            facts = agents.end(work, loaded, actor=account.id)
        engine.written(work, [engine.draft(loaded, facts, actor=by(account), via="ui", account=account, work=work)], org=loaded.case.organization_id, now=now)


# What the page shows


@dataclass(frozen=True)
class Standing:
    """One case as its person reads it."""

    row: Case
    actions: list[Action]
    why: list[str]
    timeline: list[tuple[object, Happening]]
    complain: list[str]
    may_withdraw: bool
    may_answer: bool
    may_dispute: bool
    may_downgrade: bool
    agent: Agent | None
    rests: datetime | None
    """Until when nothing is disclosed, deleted or corrected, because the way in to the account changed."""
    copy: Copy | None

    @property
    def open(self) -> bool:
        return self.row.closed_at is None


def of(account: Account, *, now: datetime, **match: object) -> list[Standing]:
    """The person's cases that match, the newest first."""
    with installation("a person's own requests"):
        rows = list(Case.objects.filter(account=account, **match).select_related("organization").prefetch_related("actions", "happenings").order_by("-received_at")[:20])
        return [standing(row, now, account=account) for row in rows]


def standing(row: Case, now: datetime, *, account: Account | None = None) -> Standing:
    """As the person reads it, or, without an account, whoever answers it."""
    actions, happened = sorted(row.actions.all(), key=lambda a: a.right), sorted(row.happenings.all(), key=lambda h: (h.at, h.id))
    loaded = engine.Loaded(row, actions, happened)
    disputed = row.state in OVER and not why_not(loaded.told("person", row.account_id, {}, now), "disputed")
    return Standing(row, actions, dates.explained(row, actions, happened), [(words.TIMELINE[h.event], h) for h in happened], words.complain(row.regimes),
                    row.state in UNCLAIMED and row.channel != Channel.REPORT,
                    row.state == State.CLARIFICATION_PENDING, disputed, not why_not(loaded.told("person", row.account_id, {}, now), "downgraded"), agents.of(row),
                    loaded.rests(now) if row.closed_at is None or row.state == State.READY else None,
                    fetching.copy_of(row, happened, account, now) if account else None)
