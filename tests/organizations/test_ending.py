"""The end of an organization: decided by two, taken back by one, nobody's account ended by the way, carried out whole or gone on with."""
from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from accounts import approvals, door, own_deletion, tenancy
from accounts.models import Account, ApiToken, Closing, Deletion, Domain, GroupMembership, Management, Membership, OldSlug, Organization, Plan
from accounts.organizations import ending, slugs
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused
from audit import holds, sequencer, subscribers
from audit.models import Entry
from audit.verify import verify
from portal import jobs
from tests.browse import client_for
from tests.cast import Org, World
from tests.deletion.acts import act as people_act
from tests.emails.acts import own
from tests.situations import WHY, arrange, domain_for, group_for, token_for

NOW = datetime.now
DAY = timedelta(days=1)


def act(org: Org, slug: str, *, by: str = "owner", now: datetime | None = None, **data: Any) -> door.Receipt:
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(by, now=now), ids=[], data=data, now=now or NOW(UTC))


def decided(org: Org, *, now: datetime | None = None) -> None:
    """Two owners decide."""
    receipt = act(org, "delete-organization", ground="We merge", address=org.slug, now=now)
    with tenancy.scope(org=org.organization.id):
        approvals.decide(plan_id=receipt.plan_id, actor=org.actor("second-owner", now=now), requester=org.actor("owner", now=now), power=BY_SLUG["delete-organization"], approve=True, note="", now=now or NOW(UTC))


def free(org: Org) -> None:
    """Nobody is managed but the owners."""
    arrange(lambda: Management.objects.filter(organization=org.organization).exclude(account__in=[org.person(n).account_id for n in ("owner", "second-owner")]).delete())
    arrange(lambda: Account.objects.filter(id=org.person("second-owner").account_id).update(has_second_factor=True))


def row(org: Org) -> Closing | None:
    with tenancy.installation("a test looks"):
        return Closing.objects.filter(organization=org.organization).first()


def fresh(org: Org) -> Organization:
    with tenancy.installation("a test looks"):
        return Organization.objects.get(id=org.organization.id)


def near(org: Org) -> None:
    """Everybody was told, three days before, that the end is near."""
    arrange(lambda: Closing.objects.filter(organization=org.organization).update(told=3))


def passes(org: Org, now: datetime) -> int:
    """What the schedule does for this organization alone: other tests have theirs."""
    with tenancy.installation("time passes"):
        ending.warn(org.organization.id, now=now)
        return int(ending.end(org.organization.id, now=now))


def refused(org: Org, slug: str, **more: Any) -> list[str]:
    with pytest.raises(Refused) as refusal:
        act(org, slug, **more)
    return refusal.value.codes


def test_every_managed_account_is_decided_about_first(world: World) -> None:
    org = world.north
    assert refused(org, "delete-organization", ground="x", address=org.slug) == ["accounts_undecided"]
    free(org)
    assert refused(org, "delete-organization", ground="x", address="other") == ["wrong_address"]
    arrange(lambda: Management.objects.create(organization=org.organization, account_id=org.person("worker").account_id, basis="created_by_org", since=NOW(UTC)))
    assert "accounts_undecided" in refused(org, "delete-organization", ground="x", address=org.slug)
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["schedule-deletion"], actor=org.actor("owner"), ids=[org.person("worker").id], data={**WHY, "days": 14}, now=NOW(UTC))
    assert act(org, "delete-organization", ground="x", address=org.slug).plan_id, "scheduled for deletion is decided; and a second owner has to agree"
    assert fresh(org).status == "active"


def test_holds_and_contests_stand_in_the_way(world: World) -> None:
    org = world.north
    free(org)
    arrange(lambda: domain_for(org, f"{org.slug}.com", state="contested", contested_at=NOW(UTC)))
    assert refused(org, "delete-organization", ground="x", address=org.slug) == ["domain_contested"]
    arrange(lambda: (Domain.objects.filter(organization=org.organization).delete(), holds.place(org=org.organization.id, kind="log", matter="M", ground="g", by=None, now=NOW(UTC))))
    assert refused(org, "delete-organization", ground="x", address=org.slug) == ["on_hold"]


@pytest.mark.parametrize("name", ["administrator", "security", "auditor", "member"])
def test_only_owners(world: World, name: str) -> None:
    free(world.north)
    with pytest.raises((Refused, NotFound)):
        act(world.north, "delete-organization", by=name, ground="x", address=world.north.slug)


def test_until_the_date_everything_works_and_an_owner_takes_it_back(world: World) -> None:
    org = world.north
    free(org)
    decided(org)
    found = row(org)
    assert found is not None and fresh(org).status == "pending_deletion" and found.ends_at - found.asked_at == 14 * DAY
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/people/").content.decode()
    assert "Until then everything works" in page and "Keep the organization" in page
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["suspend"], actor=org.actor("owner"), ids=[org.person("worker").id], data=WHY, now=NOW(UTC))
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["invite"], actor=org.actor("owner"), ids=[], data={"rows": [{"email": "new@elsewhere.example", "role": "member"}]}, now=NOW(UTC))
        assert "organization_ending" in refusal.value.codes
    assert passes(org, found.ends_at - timedelta(seconds=1)) == 0
    assert refused(org, "delete-organization", ground="x", address=org.slug) == ["wrong_status"]
    act(org, "cancel-organization-deletion", by="second-owner")
    assert row(org) is None and (fresh(org).status, fresh(org).ends_at) == ("active", None)
    assert passes(org, NOW(UTC) + 40 * DAY) == 0 and fresh(org).slug == org.slug
    assert refused(org, "cancel-organization-deletion") == ["wrong_status"]


def test_the_end(world: World) -> None:
    org, worker = world.north, world.north.person("worker")
    free(org)
    secrets: list[str] = []
    arrange(lambda: (secrets.append(token_for(worker)[1]), group_for(org, "Testers", worker), domain_for(org, f"{org.slug}.com")))
    client = client_for(worker)
    assert client.get(f"/o/{org.slug}/", follow=True).status_code == 200
    decided(org)
    near(org)
    assert passes(org, NOW(UTC) + 15 * DAY) == 1
    gone = fresh(org)
    assert gone.status == "deleted" and gone.slug != org.slug and gone.name == org.organization.name
    with tenancy.installation("a test looks"):
        assert set(Membership.objects.filter(organization=gone).values_list("status", flat=True)) == {"removed"}
        assert not Management.objects.filter(organization=gone).exists() and not GroupMembership.objects.filter(organization=gone).exists()
        assert set(ApiToken.objects.filter(organization=gone).values_list("state", flat=True)) == {"revoked"}
        assert set(Domain.objects.filter(organization=gone).values_list("state", flat=True)) == {"released"}
        assert set(Account.objects.filter(memberships__organization=gone).values_list("status", flat=True)) == {"active"}, "people keep their accounts"
        assert Membership.objects.filter(organization=world.contoso.organization).exclude(status="active").count() == 0, "nothing of anybody else"
        while sequencer.run_once():
            pass
        assert verify(org=gone.id).findings == []
        entries = list(Entry.objects.filter(org=gone.id).values_list("record", flat=True))
        people = sum("membership.ended_with_organization" in text for text in entries)
        assert people == len(org.people) and sum('"organization.deleted"' in text for text in entries) == 1
        assert OldSlug.objects.filter(slug=org.slug).exists() and not slugs.free(org.slug, own=world.contoso.organization.id, now=NOW(UTC) + 30 * DAY)
    for address in (org.slug, gone.slug):
        assert client.get(f"/o/{address}/").status_code == 404
        assert client.get(f"/api/v1/orgs/{address}/people/", headers={"Authorization": f"Bearer {secrets[0]}"}).status_code in {401, 404}
    assert passes(org, NOW(UTC) + 90 * DAY) == 0, "once"


def test_what_appears_meanwhile_is_waited_for_and_told(world: World) -> None:
    org = world.north
    free(org)
    decided(org)
    near(org)
    arrange(lambda: Management.objects.create(organization=org.organization, account_id=org.person("worker").account_id, basis="created_by_org", since=NOW(UTC)))
    later = NOW(UTC) + 15 * DAY
    assert (passes(org, later), passes(org, later)) == (0, 0)
    found = row(org)
    assert found is not None and found.waits_for == ["accounts_undecided"] and fresh(org).status == "pending_deletion"
    with tenancy.installation("a test looks"):
        assert sum("organization.end_waits" in text for text in Entry.objects.filter(org=org.organization.id).values_list("record", flat=True)) == 1, "told once"
    arrange(lambda: Management.objects.filter(account_id=org.person("worker").account_id).delete())
    assert passes(org, later) == 1


def test_warnings_come_once_each_and_not_in_a_burst(world: World) -> None:
    org = world.north
    free(org)
    decided(org)
    found = row(org)
    assert found is not None
    days = []
    for before in (timedelta(days=8), timedelta(days=7), timedelta(days=6), timedelta(days=3), timedelta(hours=3), timedelta(hours=2)):
        passes(org, found.ends_at - before)
        days.append(row(org).told)  # type: ignore[union-attr]
    assert days == [99, 7, 7, 3, 1, 1]
    with tenancy.installation("a test looks"):
        assert sum("organization.ending_near" in text for text in Entry.objects.filter(org=org.organization.id).values_list("record", flat=True)) == 3


def test_who_was_not_told_in_time_has_three_days_from_then(world: World) -> None:
    """Nobody looked for forty days: the end is told first, moves once, and comes."""
    org = world.north
    free(org)
    decided(org)
    back = NOW(UTC) + 40 * DAY
    for moment, told in ((back, 3), (back, 3), (back + 2 * DAY, 1)):
        assert passes(org, moment) == 0
        found = row(org)
        assert found is not None and (found.told, found.ends_at) == (told, back + 3 * DAY) and fresh(org).ends_at == back + 3 * DAY
    with tenancy.installation("a test looks"):
        assert sum('"postponed":true' in text for text in Entry.objects.filter(org=org.organization.id).values_list("record", flat=True)) == 1
    assert passes(org, back + 3 * DAY) == 1


def test_killed_in_the_middle_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.north
    free(org)
    decided(org)
    near(org)
    monkeypatch.setattr(ending, "SIZE", 4)
    people, calls = ending._people, []

    def dies(organization_id: Any, now: datetime) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit
        return people(organization_id, now)

    monkeypatch.setattr(ending, "_people", dies)
    with pytest.raises(SystemExit):
        passes(org, NOW(UTC) + 15 * DAY)
    assert fresh(org).status == "pending_deletion"
    assert refused(org, "cancel-organization-deletion", by="owner") if _still(org, "owner") else True
    monkeypatch.setattr(ending, "_people", people)
    assert passes(org, NOW(UTC) + 15 * DAY) == 1
    with tenancy.installation("a test looks"):
        entries = list(Entry.objects.filter(org=org.organization.id).values_list("record", flat=True))
        assert sum("membership.ended_with_organization" in text for text in entries) == len(org.people), "each once"


def _still(org: Org, name: str) -> bool:
    with tenancy.installation("a test looks"):
        return Membership.objects.get(id=org.person(name).id).status == "active"


def test_cancel_against_the_end(world: World) -> None:
    """Real connections: either it is kept whole, or it ended; ten organizations' worth of luck."""
    org = world.north
    free(org)
    decided(org)
    near(org)
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def run(what: str) -> None:
        try:
            barrier.wait(10)
            if what == "end":
                outcomes.append("ended" if passes(org, NOW(UTC) + 15 * DAY) else "not ended")
            else:
                try:
                    act(org, "cancel-organization-deletion", by="second-owner")
                    outcomes.append("kept")
                except (Refused, NotFound):
                    outcomes.append("not kept")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(what,)) for what in ("end", "cancel")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) in (["ended", "not kept"], ["kept", "not ended"])
    assert fresh(org).status == ("deleted" if "ended" in outcomes else "active")


def test_everybody_is_told(world: World) -> None:
    from accounts.models import Mail

    org = world.north
    free(org)
    decided(org)

    def told() -> int:
        with tenancy.installation("subscribers"):
            while sequencer.run_once():
                pass
            subscribers.drain()
            return Mail.objects.filter(organization_id=org.organization.id, template="organization-ends").count()

    assert told() == len(org.people)
    passes(org, NOW(UTC) + 15 * DAY)
    assert told() == 2 * len(org.people)


def test_the_job_runs_it(world: World) -> None:
    """`periodic` ends what is due."""
    free(world.north)
    decided(world.north)
    arrange(lambda: Closing.objects.filter(organization=world.north.organization).update(ends_at=NOW(UTC) - DAY, told=1))
    jobs.periodic()
    assert fresh(world.north).status == "deleted"
    with tenancy.installation("a test looks"):
        assert not Plan.objects.filter(organization=world.north.organization, state="awaiting_approval").exists()


def test_whoever_asked_to_be_deleted_can_still_stay_after_the_end(world: World) -> None:
    """The organization that managed the account is gone when the person changes their mind: the account is their own, not that of a manager that does not exist. What the organization decided goes on."""
    org, person, other, now = world.north, world.north.person("worker"), world.north.person("legal"), NOW(UTC)
    people_act(org, "schedule-deletion", other, days=60, now=now)
    arrange(lambda: Management.objects.filter(organization=org.organization).exclude(account_id__in=[org.person(n).account_id for n in ("owner", "second-owner", "worker", "legal")]).delete())
    arrange(lambda: Account.objects.filter(id=org.person("second-owner").account_id).update(has_second_factor=True))
    own(person, "ask-own-deletion", words="")
    people_act(org, "grant-own-deletion", person, now=now)
    arrange(lambda: Deletion.objects.filter(account_id=person.account_id).update(purge_at=now + 40 * DAY, term=now + 40 * DAY))
    decided(org, now=now)
    assert any(passes(org, now + day * DAY) for day in range(7, 21)), "warned on its days, and then over"
    with tenancy.installation("look"):
        managed = set(Management.objects.filter(organization=org.organization).values_list("account_id", flat=True))
        assert managed == {other.account_id}
        deletion = Deletion.objects.get(account_id=person.account_id)
    own_deletion.keep(own_deletion.link(deletion).rstrip("/").rpartition("/")[2], now=now + 21 * DAY)
    assert Account.objects.get(id=person.account_id).status == "active"
    own(person, "delete-own-account")
    assert Account.objects.get(id=person.account_id).status == "pending_deletion", "and it is theirs alone to delete"
