"""The page about how long the log is kept, and the three powers behind it, as people use them."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts import approvals, door, tenancy
from accounts.models import Plan
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import counts, disclosure, holds, queries, retention
from portal import jobs
from tests.audit.logs import number_all, tampering
from tests.browse import client_for
from tests.cast import Org, World

YEARS = {"years": "5", "private_note": ""}


@pytest.fixture(autouse=True)
def forget_policies() -> Iterator[None]:
    """Other tests count the classes in use."""
    yield
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_policy")


def asked(org: Org, power: str) -> Plan:
    with tenancy.scope(org=org.organization.id):
        return Plan.objects.get(organization=org.organization, power=power, state="awaiting_approval")


def approve(org: Org, power: str, who: str) -> None:
    plan = asked(org, power)
    with tenancy.scope(org=org.organization.id):
        approvals.decide(plan_id=plan.id, actor=org.actor(who), requester=approvals.requester(plan), power=BY_SLUG[power], approve=True, note="", now=timezone.now())


def newest(org: Org, action: str) -> dict:
    number_all()
    with tenancy.scope(org=org.organization.id):
        return queries.page(org=org.organization.id, filters=queries.Filters(action=action)).entries[0].record


def test_two_people_set_the_time(world: World) -> None:
    org = world.north
    base = f"/o/{org.slug}/"
    client = client_for(org.person("owner"))
    number_all()
    assert "Nobody has agreed on a time yet" in client.get(base + "audit/retention/").content.decode()
    shown = client.get(base + "do/set-audit-retention/").content.decode()
    assert "This needs a second person" in shown
    answer = client.post(base + "do/set-audit-retention/", YEARS)
    assert answer.status_code == 302 and "/approvals/" in answer["Location"]
    page = client.get(answer["Location"]).content.decode()
    assert "is kept for 5 years" in page and "keeps the longer time it was written under" in page and "this would remove" in page
    with pytest.raises(Refused):
        approve(org, "set-audit-retention", "owner")
    with tenancy.scope(org=org.organization.id):
        assert retention.current(org=org.organization.id).since is None
    approve(org, "set-audit-retention", "administrator")
    with tenancy.scope(org=org.organization.id):
        agreed = retention.current(org=org.organization.id)
    assert agreed.retention == "y5" and agreed.agreed_by == (org.person("owner").account_id, org.person("administrator").account_id)
    said = newest(org, "retention.changed")
    assert said["delegation"]["approved_by"] == [str(org.person("administrator").account_id)] and said["facts"] == {"before": "", "after": "y5"}
    shown = client.get(base + "audit/retention/").content.decode()
    assert "<strong>5 years</strong>" in shown and "Agreed on" in shown


@pytest.mark.parametrize("years", ["0", "11", "-1", "1.5", "", "9" * 40, "ten"])
def test_times_beyond_the_limits_are_refused_in_words(world: World, years: str) -> None:
    client = client_for(world.north.person("owner"))
    answer = client.post(f"/o/{world.north.slug}/do/set-audit-retention/", {**YEARS, "years": years})
    assert answer.status_code == 422
    with tenancy.scope(org=world.north.organization.id):
        assert not Plan.objects.filter(power="set-audit-retention").exists()
    if years:
        assert client.get(f"/o/{world.north.slug}/audit/retention/", {"years": years}).status_code == 422


def test_the_preview_only_looks(world: World) -> None:
    number_all()
    client = client_for(world.north.person("auditor"))
    shown = client.get(f"/o/{world.north.slug}/audit/retention/?years=9").content.decode()
    now = datetime.now(UTC)
    assert "This only looks" in shown and str(now.year + (10 if now.month == 12 else 9)) in shown
    assert "Set the time" not in shown and "Place a hold" not in shown
    with tenancy.scope(org=world.north.organization.id):
        coming = retention.upcoming(org=world.north.organization.id, chosen=9)
        assert sum(r.count for r in coming) == counts.count(org=world.north.organization.id) and f"{coming[0].first}–{coming[0].last}" in shown
        assert retention.current(org=world.north.organization.id).since is None


def test_a_hold_is_placed_by_one_and_released_by_two(world: World) -> None:
    org = world.north
    base = f"/o/{org.slug}/"
    legal = client_for(org.person("legal"))
    answer = legal.post(base + "do/hold-audit/", {"kind": "subject", "person": f"worker@{org.slug}.example", "matter": "Smith v. Jones", "private_note": "a claim"})
    assert answer.status_code == 302 and answer["Location"] == base + "audit/retention/"
    with tenancy.scope(org=org.organization.id):
        hold = holds.covers(org=org.organization.id, subject=org.person("worker").account_id)[0]
        assert not holds.covers(org=org.organization.id, subject=org.person("guest").account_id)
        put_off = disclosure.erase_subject(org=org.organization.id, subject=org.person("worker").account_id, ground="gdpr:17.1.b", now=timezone.now())
    assert put_off.deferred
    record = newest(org, "data.hold.placed")
    assert record["category"] == "hold" and record["facts"]["matter"] == "Smith v. Jones" and str(org.person("worker").account_id) not in str(record["facts"]), "the entry names the hold, and nobody"
    assert [t["type"] for t in record["targets"]] == ["organization"], "nobody finds it among what is about them"
    shown = legal.get(base + "audit/retention/").content.decode()
    assert "Smith v. Jones" in shown and "1 erasure waits" in shown and "a claim" in shown
    assert "a claim" not in client_for(org.person("auditor")).get(base + "audit/retention/").content.decode()
    page = legal.get(base + "do/release-audit-hold/").content.decode()
    assert str(hold.id) in page
    answer = legal.post(base + "do/release-audit-hold/", {"hold": str(hold.id), "private_note": "settled"})
    assert "/approvals/" in answer["Location"]
    jobs.age_log()
    with tenancy.scope(org=org.organization.id):
        assert holds.waiting(org=org.organization.id) == 1
    approve(org, "release-audit-hold", "owner")
    jobs.age_log()
    with tenancy.scope(org=org.organization.id):
        assert holds.covers(org=org.organization.id) == [] and holds.waiting(org=org.organization.id) == 0
        assert holds.every(org=org.organization.id)[0].released_by == [org.person("legal").account_id, org.person("owner").account_id]
        assert disclosure.erased_under(org=org.organization.id, subjects=[org.person("worker").account_id])


@pytest.mark.parametrize(("typed", "words"), [
    ({"kind": "subject", "person": ""}, "Name the person"), ({"kind": "subject", "person": "nobody@nowhere.example"}, "There is nothing here"), ({"kind": "range", "first_day": "2026-01-01"}, "Give both days"),
    ({"kind": "range", "first_day": "2026-02-01", "last_day": "2026-01-01"}, "first day is after"), ({"kind": "range", "first_day": "yesterday", "last_day": "2026-13-01"}, "Write the day like"),
    ({"kind": "everything"}, "valid choice"), ({"matter": ""}, "required"), ({"matter": "m" * 10_000}, "at most"), ({"matter": "a\x07b"}, "control characters")])
def test_what_is_no_hold_is_refused_in_words(world: World, typed: dict[str, str], words: str) -> None:
    org = world.north
    answer = client_for(org.person("legal")).post(f"/o/{org.slug}/do/hold-audit/", {"kind": "log", "matter": "M", "private_note": "G", **typed})
    assert answer.status_code == 422 and words in answer.content.decode()
    with tenancy.scope(org=org.organization.id):
        assert holds.every(org=org.organization.id) == []


def test_a_hold_of_another_organization_is_nothing(world: World) -> None:
    there, here = world.contoso, world.north
    with tenancy.scope(org=there.organization.id):
        door.perform(power=BY_SLUG["hold-audit"], actor=there.actor("owner"), data={"kind": "log", "matter": "Theirs", "private_note": "G"}, now=timezone.now())
        hold = holds.every(org=there.organization.id)[0]
    client = client_for(here.person("owner"))
    assert "Theirs" not in client.get(f"/o/{here.slug}/audit/retention/").content.decode()
    for wrong in (str(hold.id), str(uuid.uuid4()), "x", ""):
        assert client.post(f"/o/{here.slug}/do/release-audit-hold/", {"hold": wrong, "private_note": "n"}).status_code == 422
    assert client.get(f"/o/{there.slug}/audit/retention/").status_code == 404


def test_the_api_and_the_page_are_one(world: World) -> None:
    org = world.north
    client = client_for(org.person("legal"))
    answer = client.post(f"/api/v1/orgs/{org.slug}/actions/hold-audit/", {"kind": "range", "first_day": "2026-01-01", "last_day": "2026-01-31", "matter": "M", "private_note": "G"}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    with tenancy.scope(org=org.organization.id):
        assert [str(h.first_day) for h in holds.every(org=org.organization.id)] == ["2026-01-01"]


def test_grounds_are_sealed_under_the_key_of_whom_they_are_about_or_who_wrote_them(world: World) -> None:
    """So that they go when that person is erased: not under the key of the whole log, which never goes."""
    org = world.north
    legal, owner, worker = (org.person(name) for name in ("legal", "owner", "worker"))
    client = client_for(legal)
    client.post(f"/o/{org.slug}/do/hold-audit/", {"kind": "subject", "person": f"worker@{org.slug}.example", "matter": "M", "private_note": "about the worker"})
    about = newest(org, "data.hold.placed")
    client.post(f"/o/{org.slug}/do/hold-audit/", {"kind": "log", "matter": "M", "private_note": "about nobody"})
    general = newest(org, "data.hold.placed")
    assert client_for(owner).post(f"/o/{org.slug}/do/set-audit-retention/", {"years": "5", "private_note": "as counsel says"}).status_code == 302
    approve(org, "set-audit-retention", "second-owner")
    kept = newest(org, "retention.changed")
    with tampering() as attacker:
        sealed = {str(entry): subject for entry, subject in attacker.execute("SELECT entry, subject FROM audit_disclosure WHERE org = %s AND path = 'why.private_note'", [org.organization.id])}
    assert [sealed[record["event_id"]] for record in (about, general, kept)] == [worker.account_id, legal.account_id, owner.account_id]
