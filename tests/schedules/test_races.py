"""Two at once over what is scheduled, with real connections: it is done once or taken back, never both and never twice."""
from __future__ import annotations

import time

from django.utils import timezone

from accounts import door, due
from tests.cast import World
from tests.faults.test_races import at_once
from tests.schedules.stage import DAY, actions, ask, member, scheduled, states
from tests.situations import WHY

NAMES = ("worker", "guest", "member", "people-manager", "administrator")


def test_two_schedulers_do_everything_once(world: World) -> None:
    org, now = world.north, timezone.now()
    for name in NAMES:
        ask(org, "suspend", name, now=now, not_before=now + 2 * DAY)
    assert at_once(world, *[lambda: due.run(now=now + 3 * DAY)] * 3) == [None, None, None]
    assert {member(org, name).status for name in NAMES} == {"suspended"}
    assert [states(org, name) for name in NAMES] == [[("suspend", "done")]] * len(NAMES)
    done = [target["id"] for record in actions(org, "membership.suspended") for target in record["targets"] if target["type"] == "person"]
    assert len(done) == len(set(done)) == len(NAMES)
    assert actions(org, "plan.void") == []


def test_cancelling_against_the_time_itself(world: World) -> None:
    org, outcomes = world.north, set()
    for number in range(-12, 13):  # whoever cancels comes first in the early rounds, and later in each of the others
        now = timezone.now()
        ask(org, "restrict", "worker", now=now, not_before=now + 2 * DAY)
        row, before = scheduled(org, "worker")[-1], len(actions(org, "membership.restricted"))
        taken_back, _nothing = at_once(world, lambda row=row, now=now, number=number: (time.sleep(max(0, number) / 100), ask(org, "cancel-scheduled", "worker", now=now, scheduled=str(row.id)))[1],
                                       lambda now=now, number=number: (time.sleep(max(0, -number) / 100), due.run(now=now + 2 * DAY)))
        after, status = scheduled(org, "worker")[-1], member(org, "worker").status
        cancelled = isinstance(taken_back, door.Receipt)
        outcomes.add(after.state)
        assert (after.state, status, len(actions(org, "membership.restricted")) - before, cancelled) in {("done", "restricted", 1, False), ("cancelled", "active", 0, True)}
        if status == "restricted":
            ask(org, "restore", "worker", now=now, **WHY)
    assert outcomes == {"done", "cancelled"}
