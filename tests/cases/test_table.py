"""The table of transitions is the specification: each row leads where it says, for those it names, and nothing else happens."""
from __future__ import annotations

import contextlib
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts import tenancy
from accounts.reasons import NotFound, Refused
from audit.models import Entry
from dsar.cases import dates
from dsar.cases.models import Action, Case, Happening, State
from dsar.cases.table import OVER, REMINDER, ROWS, UNCLAIMED, Told, why_not
from tests.cases.helpers import happen, received
from tests.cast import World
from tests.situations import arrange

S = State
WHOS = ("person", "agent", "administrator", "schedule", "operator")
EVERY = {"level": 3, "code": "other", "outcomes": {"correct": "granted"}}
SPECIFIED = {
    1: {"received": ("", "received"), "reported": ("", "received")}, 2: {"ask_identity": ("received", "identity_pending")}, 3: {"proven": ("identity_pending", "triage")},
    4: {"reminded": ("identity_pending", "identity_pending"), "downgraded": ("identity_pending", "closed_unverified"), "closed_unverified": ("identity_pending", "closed_unverified")}, 5: {"admitted": ("received", "triage")}, 6: {"ask": ("triage", "clarification_pending")},
    7: {"answered": ("clarification_pending", "triage")}, 8: {"transferred": ("triage", "transferred")}, 9: {"merged": ("triage", "merged")}, 10: {"refused": ("triage", "refused"), "rebutted": ("triage", "refused")},
    11: {"planned": ("triage", "planned")}, 12: {"approved": ("planned", "approved")}, 13: {"scheduled": ("approved", "scheduled"), "unrebutted": ("triage", "scheduled")}, 14: {"withdrawn": ("scheduled", "withdrawn")},
    15: {"started": ("scheduled", "executing"), "moved": ("scheduled", "planned")}, 16: {"fanned_out": ("executing", "awaiting_processors")}, 17: {"blocked": ("executing", "blocked")},
    18: {"retried": ("blocked", "executing"), "by_hand": ("blocked", "executing")}, 19: {"built": ("executing", "review")}, 20: {"released": ("review", "ready")}, 21: {"delivered": ("ready", "delivered")},
    22: {"package_expired": ("ready", "expired_package"), "expires_soon": ("ready", "ready"), "asked_again": ("expired_package", "expired_package"), "made_again": ("expired_package", "ready"),
         "not_made_again": ("expired_package", "expired_package")}, 23: {"fulfilled": ("awaiting_processors", "fulfilled"), "fulfilled_in_part": ("awaiting_processors", "partially_fulfilled")},
    24: {"extend": ("triage", "triage")}, 25: {"warned": ("triage", "triage"), "breached": ("triage", "triage")}, 26: {"disputed": ("refused", "disputed")},
    27: {"upheld": ("disputed", "resolved_upheld"), "reversed": ("disputed", "planned")}, 28: {"resumed": ("partially_fulfilled", "executing")}, 29: {"certified": ("fulfilled", "certified")},
    30: {"barred": ("triage", "triage")}, 31: {"agent_confirmed": ("triage", "triage"), "agent_mailbox": ("triage", "triage"), "agent_ended": ("triage", "triage")}, 32: {"assigned": ("triage", "triage")}, 33: {"added": ("triage", "triage")},
    34: {"fetch_code": ("ready", "ready")},
}
"""RIGHTS 3b by hand, 3g as number 30, and what came later from 31 on: from each row's event to where it begins and ends."""


def put(case: Case, state: str, **values: Any) -> None:
    """The case in a state, as if all before had happened."""
    values = {"level": 2, "plan_hash": "x", "closed_at": datetime.now(UTC) if state in OVER else None, "extension_notice_by": date.today() + timedelta(days=9), **values}
    arrange(lambda: (Case.objects.filter(id=case.id).update(state=state, **values), Action.objects.filter(case=case).update(outcome="refused" if state in OVER else "", verified=True)))


@pytest.mark.parametrize("number", range(1, 35))
def test_each_row_leads_where_it_says_for_those_it_names(world: World, number: int) -> None:
    """And is recorded once, with its row, in the organization's log; for everybody else it is refused with a code and changes nothing."""
    rows = {row.event: row for row in ROWS if row.number == number}
    assert set(rows) == set(SPECIFIED[number])
    person = world.north.person("worker")
    for event, (before, after) in SPECIFIED[number].items():
        case = received(person, "child" if event in {"reported", "rebutted", "unrebutted"} else "erasure" if event == "downgraded" else "correct",
                        event="reported" if event == "reported" else "received")
        row = rows[event]
        if before:
            put(case, before, **({"received_at": datetime.now(UTC) - timedelta(days=9)} if event == "unrebutted" else {}))
            if event == "unrebutted":
                happen(case, "warned", code=REMINDER)
                arrange(lambda: Happening.objects.filter(code=REMINDER).update(at=datetime.now(UTC) - timedelta(days=1)))
            for who in set(WHOS) - row.who:
                with pytest.raises(Refused) as refused:
                    happen(case, event, who=who, actor=uuid4(), **EVERY)
                assert refused.value.codes == ["wrong_status"]
            if event == "closed_unverified":
                happen(case, "reminded"), happen(case, "reminded")
            loaded = happen(case, event, who=sorted(row.who)[0], actor=uuid4(), **EVERY)
            assert loaded.case.state == after
            with pytest.raises(NotFound), tenancy.scope(org=world.contoso.organization.id):
                happen_in_scope(case, event)
        with tenancy.installation("a test looks"):
            entries = Entry.objects.filter(org=world.north.organization.id, record__contains=f'"case.{event}"').filter(record__contains=str(case.id))
            stored = Case.objects.get(id=case.id)
            assert entries.count() == (2 if event == "admitted" else 1) and (not before or stored.state == after)
            assert (stored.closed_at is not None) == (stored.state in OVER or stored.state == "ready")
            assert stored.state not in OVER or not Action.objects.filter(case=case, outcome="").exists(), "no end without an outcome"
        put(case, "certified")


def happen_in_scope(case: Case, event: str) -> None:
    from audit.record import ActorRef
    from dsar.cases import engine

    engine.happen(case.id, event, who="schedule", actor=ActorRef(type="schedule"), now=datetime.now(UTC))


def test_guards_say_why(world: World) -> None:
    """Nothing is disclosed, approved or carried out below its level; once is once; too late is too late; nobody judges their own answer."""
    now, decider = datetime.now(UTC), uuid4()
    case = Case(state="", level=2, plan_hash="a", decided_by=decider, closed_at=now - timedelta(days=61), extension_notice_by=date(2026, 1, 1), not_before=now + timedelta(days=1), time_zone="UTC")

    def codes(state: str, event: str, who: Any = "administrator", right: str = "access", actor: Any = None, happened: tuple[str, ...] = (), **data: Any) -> list[str]:
        case.state = state
        return why_not(Told(case, [Action(right=right)], [Happening(event=e) for e in happened], who, actor, data, now), event)

    case.level = 1
    for state, event, who in (("triage", "planned", "administrator"), ("planned", "approved", "administrator"), ("approved", "started", "schedule"), ("ready", "delivered", "person"),
                              ("triage", "merged", "schedule"), ("received", "admitted", "schedule")):
        assert "case_not_verified" in codes(state, event, who), event
    assert codes("review", "released", outcomes={"access": "granted"}) == ["case_not_verified"] and codes("identity_pending", "proven", "person", level=1) == ["case_not_verified"]
    assert codes("identity_pending", "proven", "person", right="object", level=1) == []
    case.level = 2
    assert codes("planned", "approved", plan_hash="b") == ["stale"] and codes("planned", "approved", plan_hash="a") == []
    assert codes("scheduled", "started", "schedule") == ["case_too_soon"]
    assert codes("identity_pending", "closed_unverified", happened=("reminded",)) == ["not_reminded"] and codes("identity_pending", "downgraded", "person") == ["no_deletion_asked"]
    assert codes("triage", "ask", happened=("ask",)) == ["asked_before"]
    assert codes("triage", "extend", happened=("extend",)) == ["extended_before"] and codes("triage", "extend") == ["too_late_to_extend"]
    assert codes("refused", "disputed", "person") == ["too_late_to_dispute"]
    assert codes("disputed", "upheld", actor=decider) == ["same_decider"] and codes("disputed", "reversed", actor=uuid4()) == []
    assert codes("executing", "fulfilled", outcomes={}) == ["no_outcome"] and codes("executing", "fulfilled", outcomes={"access": "refused"}) == ["no_outcome"]
    for state in S:
        assert (codes(state, "withdrawn", "person") == []) == (state in UNCLAIMED), "it can be taken back until something is done"


def test_the_same_twice_is_one_and_what_is_unproven_stands_in_nobodys_way(world: World) -> None:
    person = world.north.person("worker")
    first, again = received(person, "erasure"), received(person, "erasure")
    assert first.id == again.id and first.reference == again.reference and first.statutory_due is not None
    unproven = received(person, "erasure", level=0)
    assert unproven.id != first.id and unproven.state == "identity_pending"
    with tenancy.installation("a test looks"):
        assert Action.objects.get(case=first).outcome == ""
        with pytest.raises(IntegrityError), transaction.atomic():
            arrange_verified(unproven)
    assert happen(unproven, "proven", who="person", level=2).actions[0].outcome == "merged"
    assert happen(first, "withdrawn", who="person").actions[0].outcome == "withdrawn"
    assert received(person, "erasure").id != first.id
    assert received(world.contoso.person("member"), "erasure").state == "triage", "another organization, another request"


def arrange_verified(case: Case) -> None:
    arrange(lambda: Action.objects.filter(case=case).update(verified=True))


def test_dates_follow_from_what_happened(world: World) -> None:
    """A question in time lets the time stand still, an extension counts from the beginning; replaying what happened gives what is stored."""
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    case = received(world.north.person("worker"), "access", now=start)
    assert (case.statutory_due, case.extension_notice_by) == (date(2026, 3, 2), date(2026, 2, 28))
    happen(case, "ask", who="administrator", now=start + timedelta(days=1))
    answered = happen(case, "answered", who="person", now=start + timedelta(days=5))
    assert answered.case.statutory_due == date(2026, 3, 4)
    extended = happen(case, "extend", who="administrator", code="complexity", now=start + timedelta(days=9))
    assert extended.case.statutory_due == date(2026, 5, 4) and dates.reckoned(extended.case, extended.actions, extended.happened)["statutory_due"] == date(2026, 5, 4)
    assert any("31" in sentence for sentence in dates.explained(extended.case, extended.actions, extended.happened))


def test_of_two_administrators_at_once_one_decides(world: World) -> None:
    case, results = received(world.north.person("worker")), []

    def act(event: str) -> None:
        try:
            happen(case, event, who="administrator", actor=uuid4(), code="unfounded")
            results.append(event)
        except Refused as refused:
            results.append(refused.codes[0])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=(event,)) for event in ("refused", "transferred")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) in (["refused", "wrong_status"], ["transferred", "wrong_status"])


class Requests(RuleBasedStateMachine):
    """Anything in any order, by anybody, with several requests of one person."""

    def __init__(self) -> None:
        super().__init__()
        with tenancy.installation("tests make their world"):
            self.person = World().contoso.person("member")
        self.cases: list[Case] = []

    @rule(right=st.sampled_from(["access", "erasure", "opt_out"]), level=st.integers(0, 3))
    def ask(self, right: str, level: int) -> None:
        if len(self.cases) < 5:
            case = received(self.person, right, level=level)
            self.cases += [case] if case.id not in {c.id for c in self.cases} else []

    @rule(which=st.integers(0, 4), row=st.sampled_from([r for r in ROWS if r.before]), level=st.integers(0, 3), who=st.sampled_from(WHOS))
    def anything(self, which: int, row: Any, level: int, who: str) -> None:
        if which < len(self.cases):
            case = self.cases[which]
            self._try(case, row.event, who, level)

    def _try(self, case: Case, event: str, who: str, level: int) -> None:
        with contextlib.suppress(Refused):
            happen(case, event, who=who, actor=uuid4(), level=level, code="x", outcomes=dict.fromkeys(("access", "erasure", "opt_out"), "granted"))

    @rule(which=st.integers(0, 4), row=st.sampled_from([r for r in ROWS if r.before]))
    def likely(self, which: int, row: Any) -> None:
        """What the table has for the state the case is in, so that ends are reached."""
        if which < len(self.cases):
            with tenancy.installation("a test looks"):
                state = Case.objects.get(id=self.cases[which].id).state
            for found in [r for r in ROWS if state in r.before and r.number >= row.number][:1]:
                self._try(self.cases[which], found.event, sorted(found.who)[0], 3)

    @invariant()
    def holds(self) -> None:
        with tenancy.installation("a test looks"):
            active = [(a.right, a.case_id) for a in Action.objects.filter(account_id=self.person.account_id, outcome="", verified=True)]
            assert len(active) == len({right for right, _case in active}), "at most one active verified action for each right"
            for case in Case.objects.filter(account_id=self.person.account_id).prefetch_related("actions", "happenings"):
                outcomes = [a.outcome for a in case.actions.all()]
                assert case.state not in OVER or all(outcomes), "no end without an outcome"
                events = {h.event for h in case.happenings.all()}
                assert not events & {"released", "delivered", "approved", "started"} or case.level >= max(2 if a.right != "opt_out" else 0 for a in case.actions.all()), "nothing below its level"
                assert case.statutory_due == dates.reckoned(case, case.actions.all(), case.happenings.order_by("at", "id"))["statutory_due"]


def test_any_order_of_anything(django_db_setup: None) -> None:
    run_state_machine_as_test(Requests, settings=settings(max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)))
