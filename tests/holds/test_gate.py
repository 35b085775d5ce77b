"""Every way in which something goes, tried under a hold: it stays, and goes when the hold is released. One more hold never lets more go, and releasing one never frees what another keeps."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import deletions, door, due, holding, purging, tenancy
from accounts.emails import steps
from accounts.models import (
    Account,
    AddressChange,
    Deletion,
    Mail,
    Membership,
    MembershipSnapshot,
    Plan,
    PlanRow,
    ProfileChange,
    ProfileSuggestion,
)
from accounts.organizations import ending
from accounts.profile import telling
from accounts.purposes import ACT
from accounts.reasons import Refused, Stale
from audit import holds as log_holds
from audit import queries
from audit.models import ErasureWaiting
from dsar.cases import evidence
from dsar.cases.models import Case, Evidence
from dsar.datamap import MAP
from dsar.erasing import by_map
from dsar.holds import gate, people, running
from dsar.holds.models import LegalHold
from dsar.restriction.model import Restriction
from portal.powers import BY_SLUG
from tests.audit.logs import number_all
from tests.cast import Org, World
from tests.deletion.acts import DAY, act, agreed, deletion
from tests.deletion.test_purge import end
from tests.holds.acts import does, follow, place, release
from tests.situations import arrange, case_for, closing_for, deletion_for, group_for

KINDS = (MembershipSnapshot, ProfileChange, ProfileSuggestion, AddressChange, PlanRow, Evidence)


def traces(org: Org, person: Membership) -> None:
    """Rows about the person whose time was over long ago. Needs an open act."""
    old = datetime.now(UTC) - timedelta(days=400)
    member, account, organization = {"membership": person}, {"account_id": person.account_id}, {"organization": org.organization}
    MembershipSnapshot.objects.create(**organization, **member, role=org.roles["member"], taken_at=old, expires_at=old)
    ProfileChange.objects.create(**organization, **account, entry=uuid.uuid4(), field="title", before="Clerk", after="Keeper", changed_at=old, due_at=old, told_at=old)
    ProfileSuggestion.objects.create(**organization, **account, field="title", value="Boss", suggested_at=old, expires_at=old)
    AddressChange.objects.create(**organization, **account, kind="self", state="denied", old_address="a@b.example", new_address="c@d.example", new_key="c@d.example", created_at=old, finished_at=old)
    plan = Plan.objects.create(**organization, power="suspend", requested_by=org.person("owner").id, requested_via="ui", targets=[person.id], tier=1, state="done", created_at=old, expires_at=old, finished_at=old, digest="",
                               data={})
    PlanRow.objects.create(**organization, plan=plan, number=1, target=person.id)
    case = case_for(person, uuid.uuid4().hex[:11], "refused")
    Evidence.objects.bulk_create([evidence.sealed(case, b"proof", old)])


def there(person: Membership) -> set[str]:
    with tenancy.installation("a test looks"):
        found = {model.__name__ for model in KINDS if (model.objects.filter(membership=person) if model is MembershipSnapshot else model.objects.filter(target=person.id) if model is PlanRow
                                                       else model.objects.filter(account_id=person.account_id)).exists()}
    return found


def sweep(org: Org) -> None:
    """What time does to what is old, for these tests' organization."""
    now = datetime.now(UTC)
    with tenancy.scope(org=org.organization.id, purpose=ACT):
        due.expire_plans(organization_id=org.organization.id, now=now)
    steps.forget(now=now)
    telling.run(now=now)
    running.run(now=now)


ALL = {model.__name__ for model in KINDS}


def test_what_time_alone_removes_stays_under_a_hold_and_goes_after_it(world: World) -> None:
    org, held, free = world.north, world.north.person("worker"), world.north.person("guest")
    arrange(lambda: (traces(org, held), traces(org, free)))
    hold = place(org, held)
    sweep(org)
    assert (there(held), there(free)) == (ALL, set())
    release(org, hold)
    sweep(org)
    assert there(held) == set()


def test_a_hold_keeps_what_it_is_about_and_nothing_else(world: World) -> None:
    """A category, and days of what bears a date; not of another organization; somebody who is let go is held no longer."""
    org, person = world.north, world.north.person("worker")
    arrange(lambda: traces(org, person))
    hold = place(org, person, org.person("guest"), categories=["user.content.private"], first_day=str(date.today() - timedelta(days=30)))
    kept = {table: gate.kept(MAP.by_table[table], org=org.organization.id) for table in ("accounts_profilechange", "accounts_profilesuggestion", "accounts_membershipsnapshot", "dsar_evidence")}

    def rows(table: str, org_id: uuid.UUID | None = None) -> int:
        where, values = gate.kept(MAP.by_table[table], org=org_id) if org_id else kept[table]
        with tenancy.installation("a test counts"), connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {where}', values)
            return int(cursor.fetchone()[0])
    assert {table: rows(table) for table in kept} == dict.fromkeys(kept, 0), "it is older, or of another category"
    arrange(lambda: ProfileChange.objects.filter(account_id=person.account_id).update(changed_at=datetime.now(UTC)))
    assert rows("accounts_profilechange") == 1 and rows("accounts_profilechange", uuid.uuid4()) == 0
    assert deletions.on_hold([person.account_id]), "the account itself waits, whatever the hold is about"
    does(org, "release-custodians", second="owner", hold=str(hold.id), custodians=person.account.email, ground="not involved")
    assert rows("accounts_profilechange") == 0 and not deletions.on_hold([person.account_id])


def test_nobody_deletes_the_account_and_a_scheduled_deletion_waits_and_goes_on(world: World) -> None:
    org, person, now = world.north, world.north.person("worker"), datetime.now(UTC)
    first = place(org, person)
    for slug, by in (("schedule-deletion", "owner"), ("delete-own-account", "worker"), ("ask-own-deletion", "worker")):
        with pytest.raises(Refused) as refused, tenancy.scope(org=org.organization.id, account=person.account_id):
            door.perform(power=BY_SLUG[slug], actor=org.actor(by), ids=[person.id] if by == "owner" else [], data={"reason_code": "absence", "days": 5} if by == "owner" else {}, now=now)
        assert "on_hold" in refused.value.codes
    release(org, first)
    act(org, "schedule-deletion", person, days=10)
    second = place(org, person)
    third = place(org, person)
    follow()
    row, account = deletion(person), Account.objects.get(id=person.account_id)
    assert row is not None and (row.state, row.waits_for, account.status_until) == ("blocked", ["on_hold"], None)
    with pytest.raises(Refused):
        agreed(org, "expedite-deletion", person)
    arrange(lambda: Deletion.objects.filter(id=row.id).update(warned=True))
    assert not end(person, row.purge_at + DAY)
    release(org, second)
    follow()
    assert deletion(person).state == "blocked", "another hold still keeps them"  # type: ignore[union-attr]
    release(org, third)
    follow()
    row, account = deletion(person), Account.objects.get(id=person.account_id)
    assert row is not None and (row.state, row.waits_for, row.warned) == ("waiting", [], False) and account.status_until == row.purge_at >= now + 3 * DAY - timedelta(minutes=1)
    assert not end(person, row.purge_at + DAY), "they are warned anew first"
    arrange(lambda: Deletion.objects.filter(id=row.id).update(warned=True))
    assert end(person, row.purge_at + DAY)


def test_a_hold_in_the_middle_of_a_deletion_stops_it_where_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: (traces(org, person), deletion_for(person, purge_at=datetime.now(UTC) - DAY)))
    done, real, placed = [], purging._part, []

    def part(account: uuid.UUID, name: str, now: datetime) -> bool:
        if name.endswith("memberships") and not placed:
            placed.append(place(org, person))
        done.append(name.rpartition(".")[2])
        return real(account, name, now)
    monkeypatch.setattr(purging, "_part", part)
    assert not end(person, datetime.now(UTC))
    row = deletion(person)
    assert row is not None and row.state == "purging" and row.waits_for == ["on_hold"] and done == ["erasures", "outlive", "last_events", "credentials", "memberships"]
    left = ALL - {"AddressChange"}
    assert there(person) == left and Account.objects.get(id=person.account_id).name, "what came before the hold is gone, the rest is there"
    assert not end(person, datetime.now(UTC)) and there(person) == left
    number_all()
    with tenancy.scope(org=org.organization.id):
        assert len(queries.page(org=org.organization.id, filters=queries.Filters(action="account.purge_waits")).entries) == 1, "said once"
    release(org, placed[0])
    assert end(person, datetime.now(UTC)) and "MembershipSnapshot" not in there(person)


def test_the_map_itself_passes_by_what_is_held(world: World) -> None:
    """The last part of a deletion asks again, row by row, whoever calls it."""
    org, person = world.north, world.north.person("worker")
    arrange(lambda: traces(org, person))
    hold = place(org, person)
    arrange(lambda: by_map(person.account, ""))
    assert there(person) == ALL
    release(org, hold)
    arrange(lambda: by_map(person.account, ""))
    assert "MembershipSnapshot" not in there(person)


def test_an_organization_does_not_end_under_a_hold_and_stops_where_one_comes(world: World) -> None:
    org, now = world.north, datetime.now(UTC)
    hold = place(org, org.person("guest"))
    with tenancy.scope(org=org.organization.id):
        assert "on_hold" in ending.blockers(org.organization.id)
    arrange(lambda: type(closing_for(org)).objects.filter(organization=org.organization).update(ends_at=now - DAY, told=1, began_at=now - DAY))
    with tenancy.installation("an organization ends"):
        assert not ending.end(org.organization.id, now=now)
        assert Membership.objects.get(id=org.person("guest").id).status == "active" and ending._people(org.organization.id, now) == 0 and not ending._over(org.organization.id, now)
    release(org, hold)
    with tenancy.installation("an organization ends"):
        assert ending.end(org.organization.id, now=now)


def test_groups_stay_and_what_is_changed_or_removed_stands_in_the_log(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    groups: list[Any] = []
    arrange(lambda: groups.extend([group_for(org, "Testers", person), group_for(org, "Named")]))
    act(org, "update-profile", person, title="Keeper of the seal", department="", name=person.account.name)
    hold = place(org, person, groups=[str(groups[1].id)])
    for group in groups:
        with pytest.raises(Refused) as refused, tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG["delete-group"], actor=org.actor("owner"), ids=[group.id], data={}, now=datetime.now(UTC))
        assert "on_hold" in refused.value.codes
    changed = act(org, "update-profile", person, title="Nobody", department="", name=person.account.name)
    with tenancy.scope(org=org.organization.id, purpose=ACT):
        rows = [{"email": person.account.email, "title": "From a file"}]
        filed = door.perform(power=BY_SLUG["import-people"], actor=org.actor("owner"), data={"rows": rows}, now=datetime.now(UTC))
    removed = act(org, "remove", person)
    number_all()

    def said(entry: str) -> list[Any]:
        with tenancy.scope(org=org.organization.id):
            seen = queries.entry(org=org.organization.id, entry_id=uuid.UUID(entry))
        assert seen is not None
        return [*seen.open.values(), *(one.get("before") for one in seen.record.get("change", []))]
    assert "Keeper of the seal" in said(changed.entries[0]) and "Nobody" in said(filed.entries[0]) and str(groups[0].id) in said(removed.entries[0])
    with tenancy.scope(org=org.organization.id):
        assert log_holds.covers(org=org.organization.id, subject=person.account_id)[0].within == hold.id, "and the log does not lose it"


def test_what_somebody_asked_to_have_deleted_is_only_stored_meanwhile(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    place(org, person)
    arrange(lambda: deletion_for(person, by_person=True, purge_at=datetime.now(UTC) + 5 * DAY))
    follow()
    running.run(now=datetime.now(UTC))
    with tenancy.installation("look"):
        assert not Restriction.objects.filter(account_id=person.account_id).exists(), "its day has not come: that it is held does not show before"
    running.run(now=datetime.now(UTC) + 6 * DAY)
    with tenancy.installation("look"):
        assert Restriction.objects.get(account_id=person.account_id).trigger == "remainder"


def test_whoever_deletes_themselves_while_a_hold_is_placed(world: World) -> None:
    """Whoever comes first: nothing goes, and in the end both say the same."""
    org, person = world.north, world.north.person("worker")
    does(org, "open-matter", name="Race")
    with tenancy.scope(org=org.organization.id):
        word = str(people.matters(org.organization.id, None).get(name="Race").id)
    from accounts.models import OrganizationPolicy
    arrange(lambda: OrganizationPolicy.objects.update_or_create(organization=org.organization, defaults={"own_deletion": True}))
    start, outcomes = threading.Barrier(2), []

    def run(what: Callable[[], Any]) -> None:
        try:
            start.wait()
            what()
            outcomes.append("done")
        except (Refused, Stale):
            outcomes.append("refused")
        finally:
            connections.close_all()

    def delete() -> None:
        with tenancy.scope(account=person.account_id):
            door.perform(power=BY_SLUG["delete-own-account"], actor=_self(org, person), data={}, now=datetime.now(UTC))
    threads = [threading.Thread(target=run, args=(what,)) for what in (
        delete, lambda: does(org, "place-hold", matter=word, custodians=person.account.email, disclosure="no", ground="g"))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert len(outcomes) == 2 and "done" in outcomes
    follow()
    row = deletion(person)
    assert holding_of(person) and (row is None or row.state == "blocked")
    if row is not None:
        arrange(lambda: Deletion.objects.filter(id=row.id).update(warned=True))
    assert not end(person, datetime.now(UTC) + 100 * DAY)


def _self(org: Org, person: Membership) -> Any:
    from accounts import access
    from accounts.actor import Proof
    return access.myself(account_id=person.account_id, proof=Proof(method="totp", at=datetime.now(UTC))) if hasattr(access, "myself") else org.actor("worker")


def holding_of(person: Membership) -> bool:
    with tenancy.installation("look"):
        return person.account_id in holding.held([person.account_id])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.frozensets(st.sampled_from(["worker", "guest", "member"]), min_size=1), st.booleans()), min_size=1, max_size=7))
def test_stacked_holds(standing: World, steps: list[tuple[int, frozenset[str], bool]]) -> None:
    """What is kept is what the holds in force keep together: adding never lets more go, releasing one never frees what another keeps."""
    org, now, model = standing.north, datetime.now(UTC), {}
    names = {org.person(name).account_id: name for name in ("worker", "guest", "member")}
    numbers = [uuid.uuid4() for _ in range(3)]

    def kept() -> set[str]:
        where, values = gate.kept(MAP.by_table["accounts_membership"], org=org.organization.id)
        with tenancy.installation("a test looks"), connection.cursor() as cursor:
            cursor.execute(f"SELECT account_id FROM accounts_membership WHERE {where}", values)
            return {names[row[0]] for row in cursor.fetchall()}
    before = kept()
    assert before == set()
    for which, whom, adds in steps:
        if adds:
            arrange(lambda which=which, whom=whom: log_holds.place_within(org=org.organization.id, within=numbers[which], subjects=[org.person(name).account_id for name in whom], by=None, now=now))
            model[which] = model.get(which, set()) | whom
        else:
            arrange(lambda which=which: log_holds.release_within(org=org.organization.id, within=numbers[which], by=[], now=now))
            model.pop(which, None)
        after = kept()
        assert after == set().union(*model.values()) and (not adds or before <= after)
        before = after
    for number in numbers:
        arrange(lambda number=number: log_holds.release_within(org=org.organization.id, within=number, by=[], now=now))


def test_dates_that_the_gate_reads_are_there() -> None:
    for table, column in gate.DATED.items():
        assert column in MAP.by_table[table].columns, (table, column)
    assert {LegalHold._meta.db_table, ErasureWaiting._meta.db_table, Mail._meta.db_table, Case._meta.db_table} <= set(MAP.by_table)
