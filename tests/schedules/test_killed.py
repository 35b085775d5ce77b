"""A process that does what is due is killed in the middle; and nobody does it at all. Nothing twice, nothing lost, and nothing works after its moment."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from accounts import access, due, tenancy
from accounts.models import Membership
from tests.browse import client_for
from tests.cast import World, add_person
from tests.schedules.stage import DAY, actions, ask, member, states
from tests.situations import arrange, token_for

_PROCESS = """
import sys, time
import django
django.setup()
from datetime import datetime
from accounts import due
from accounts.schedules import falling, missed
falling.BATCH, real, calls = 2, missed.write, []
def slow(**more):
    calls.extend([1] * (str(more["organization_id"]) == sys.argv[2]))
    if len(calls) == 3:  # the acts of this batch are done and not committed
        print("middle", flush=True)
        time.sleep(60)
    real(**more)
missed.write = slow
due.run(now=datetime.fromisoformat(sys.argv[1]))
"""


def test_killed_in_the_middle_of_many(world: World) -> None:
    org, now = world.north, timezone.now()
    names = [f"leaver{n}" for n in range(9)]
    arrange(lambda: org.people.update({name: add_person(org, name, "member", True, now) for name in names}))
    last = (now + 3 * DAY).date()
    for name in names:
        ask(org, "set-contract-end", name, now=now, ends_on=last)
    over = now + 5 * DAY
    process = subprocess.Popen([sys.executable, "-c", _PROCESS, over.isoformat(), str(org.organization.id)], stdout=subprocess.PIPE, text=True, env={**os.environ}, cwd=Path(__file__).parents[2])
    assert process.stdout is not None and process.stdout.readline().strip() == "middle"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    assert sorted(member(org, name).status for name in names) == ["active"] * 5 + ["removed"] * 4
    due.run(now=over)
    due.run(now=over)
    assert {(member(org, name).status, member(org, name).account.status) for name in names} == {("removed", "deactivated")}
    assert [states(org, name) for name in names] == [[("end-contract", "done")]] * len(names)
    told = [target["id"] for record in actions(org, "membership.contract_ended") for target in record["targets"] if target["type"] == "membership"]
    assert sorted(told) == sorted(str(org.person(name).id) for name in names)


@pytest.mark.parametrize("what", ["contract", "suspension", "role"])
def test_nobody_carries_it_out(world: World, what: str) -> None:
    """The moment is over and no scheduler ran: session, API and token know it, and a role that was given until then gives nothing."""
    org, made = world.north, []
    then: datetime = timezone.now() - 10 * DAY
    person = org.person("administrator")
    arrange(lambda: made.append(token_for(person)))
    if what == "contract":
        ask(org, "set-contract-end", "administrator", now=then, ends_on=then.date() + 2 * DAY)
    elif what == "suspension":
        ask(org, "suspend", "administrator", now=then, not_before=then + 2 * DAY)
    else:
        arrange(lambda: Membership.objects.filter(id=person.id).update(role=org.roles["administrator"], role_until=then + 2 * DAY))
    end = member(org, "administrator").access_ends_at or member(org, "administrator").role_until
    assert end is not None and end < timezone.now() and member(org, "administrator").status == "active"
    headers = {"Authorization": f"Bearer {made[0][1]}"}
    api, page = f"/api/v1/orgs/{org.slug}/people/", f"/o/{org.slug}/people/"
    late = timezone.now()
    assert Client().get(api, headers=headers).status_code in {401, 403, 404}
    assert Client().post(f"{api}{org.person('worker').id}/actions/suspend/", {"reason_code": "absence"}, content_type="application/json", headers=headers).status_code in {401, 403, 404}
    assert client_for(person).get(page).status_code in {302, 403, 404}
    assert client_for(person).post(f"{page}{org.person('worker').id}/suspend/", {"reason_code": "absence"}).status_code in {302, 403, 404}
    assert member(org, "worker").status == "active"
    with tenancy.scope(org=org.organization.id):
        for at, rank in ((end - timedelta(microseconds=1), 80), (end, 0), (late, 0)):  # at the instant, not at the next round of somebody
            found = access.standing(account_id=person.account_id, organization_id=org.organization.id, now=at)
            assert found is not None
            actor = access.actor_in(found, proof=org.actor("owner").proof)
            assert (0 if found.refusal else actor.rank) == rank
            assert bool(actor.permissions and not found.refusal) == (rank > 0)
    used = access.check_token(secret=made[0][1], now=end, ip="")
    due.run(now=late)  # somebody looks again at last
    assert (member(org, "administrator").status == "active") == (what == "role")
    assert used.refusal == "access_over" or access.actor_of_token(used).permissions == frozenset()
