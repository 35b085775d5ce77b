"""What becomes of a domain as days go by: warnings, freezing, lapsing, contests; against a real name server."""
from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import door, tenancy
from accounts.domains import checks, life, names, proof
from accounts.models import Domain, Mail, Management
from accounts.models.domain import HELD, OPEN, DomainState
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import subscribers
from audit.models import Leaf
from tests.audit.logs import number_all
from tests.cast import Org, World
from tests.domains.dns_server import Zone
from tests.situations import WHY, arrange, domain_for

DAY = timedelta(days=1)


def do(org: Org, slug: str, domain: str, *, who: str = "owner", now: datetime | None = None) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor(who), data={"domain": domain}, now=now or datetime.now(UTC))


def row(org: Org, name: str) -> Domain:
    with tenancy.scope(org=org.organization.id):
        found = Domain.objects.filter(organization=org.organization, name=name).order_by("-created_at").first()
    assert found is not None
    return found


def look(org: Org, name: str, now: datetime) -> Domain:
    checks.check(row(org, name).id, now=now)
    return row(org, name)


def publish(zone: Zone, *rows: Domain) -> None:
    zone.put(f"{proof.LABEL}.{rows[0].name}", "TXT", *(proof.expected(one.token) for one in rows))


def events(org: Org) -> list[str]:
    number_all()
    with tenancy.scope(org=org.organization.id):
        return [a for a in Leaf.objects.filter(org=org.organization.id).order_by("seq").values_list("action", flat=True) if a.startswith("domain.")]


def test_added_proven_missing_frozen_back_and_lapsed(world: World, zone: Zone) -> None:
    org, name, now = world.north, f"a{world.north.slug}.com", datetime.now(UTC)
    do(org, "add-domain", name)
    assert look(org, name, now).state == "pending_proof" and row(org, name).last_problem == "no_record"
    publish(zone, row(org, name))
    found = look(org, name, now)
    assert (found.state, found.method, found.last_problem) == ("verified", "dns", "") and found.next_check_at == now + DAY
    zone.records.clear()
    states = {}
    for day in range(1, 45):
        found = look(org, name, now + day * DAY)
        states[day] = (found.state, found.warned, life.frozen(found))
    assert states[1] == ("failing", 1, "") and states[8] == ("failing", 7, "") and states[30] == ("failing", 7, "") and states[31] == ("failing", 30, "domain_unproven")
    publish(zone, found)
    found = look(org, name, now + 45 * DAY)
    assert (found.state, found.warned, life.frozen(found), found.failing_since) == ("verified", 0, "", None)
    zone.records.clear()
    look(org, name, now + 46 * DAY)
    assert look(org, name, now + 106 * DAY).state == "lapsed", "a clock that jumps ends it all the same, once"
    assert checks.due(now=now + 200 * DAY).count(found.id) == 0
    assert events(org) == ["domain.added", "domain.verified", "domain.failing", "domain.failing", "domain.frozen", "domain.recovered", "domain.failing", "domain.lapsed"]


def test_unproven_ones_expire_and_hinder_nobody(world: World, zone: Zone) -> None:
    name, now = f"b{world.north.slug}.com", datetime.now(UTC)
    for org in (world.north, world.contoso):
        do(org, "add-domain", name)
    publish(zone, row(world.contoso, name))
    assert look(world.contoso, name, now).state == "verified", "what nobody proved is nobody's"
    assert look(world.north, name, now + 8 * DAY).state == "expired"
    assert events(world.north) == ["domain.added", "domain.expired"]
    do(world.north, "add-domain", name)
    assert row(world.north, name).state == "pending_proof"


def contested(world: World, zone: Zone, letter: str, now: datetime) -> str:
    name = f"{letter}{world.north.slug}.com"
    for org in (world.north, world.contoso):
        do(org, "add-domain", name)
    publish(zone, row(world.north, name), row(world.contoso, name))
    assert look(world.north, name, now).state == "verified"
    tokens = {row(world.north, name).token, row(world.contoso, name).token}
    assert look(world.contoso, name, now).state == "contested" == row(world.north, name).state
    assert not tokens & {row(world.north, name).token, row(world.contoso, name).token}, "both prove it afresh"
    assert look(world.north, name, now).last_proof_at is None
    return name


def test_a_second_proof_makes_a_contest_and_the_only_fresh_proof_prevails(world: World, zone: Zone) -> None:
    now = datetime.now(UTC)
    name = contested(world, zone, "c", now)
    publish(zone, row(world.contoso, name))
    look(world.north, name, now + DAY)
    look(world.contoso, name, now + DAY)
    with tenancy.installation("a test settles"):
        checks.settle(now=now + 6 * DAY)
        assert row(world.north, name).state == "contested"
        checks.settle(now=now + 7 * DAY)
        checks.settle(now=now + 8 * DAY)
    assert (row(world.north, name).state, row(world.contoso, name).state) == ("lapsed", "verified")
    assert events(world.contoso) == ["domain.added", "domain.contested", "domain.proven_afresh", "domain.contest_won"]
    assert events(world.north)[-1] == "domain.contest_lost"
    with tenancy.installation("a test reads mail"):
        subscribers.drain()
        owed = Mail.objects.filter(template="domain-news", organization_id=world.north.organization.id)
        assert {a.split("@")[0] for a in owed.values_list("address", flat=True)} == {"owner", "second-owner", "administrator"}
        assert owed.count() == 3 * 3, "verified, contested, lost"


def test_a_fresh_proof_that_is_taken_down_again_does_not_count(world: World, zone: Zone) -> None:
    now = datetime.now(UTC)
    name = contested(world, zone, "h", now)
    publish(zone, row(world.north, name), row(world.contoso, name))
    look(world.north, name, now)
    look(world.contoso, name, now)
    publish(zone, row(world.contoso, name))
    assert look(world.north, name, now + 3 * DAY).last_problem == "wrong_record"
    with tenancy.installation("a test settles"):
        checks.settle(now=now + 7 * DAY)
    assert (row(world.north, name).state, row(world.contoso, name).state) == ("lapsed", "verified")


def test_when_both_prove_it_again_the_operator_decides_in_writing(world: World, zone: Zone) -> None:
    now = datetime.now(UTC)
    name = contested(world, zone, "d", now)
    publish(zone, row(world.north, name), row(world.contoso, name))
    look(world.north, name, now)
    look(world.contoso, name, now)
    with tenancy.installation("a test settles"):
        checks.settle(now=now + 30 * DAY)
    assert row(world.north, name).state == row(world.contoso, name).state == "contested"
    for wrong in (["--for", "nobody-here", "--ground", "The register names them"], ["--for", world.north.slug, "--ground", " "]):
        with pytest.raises(CommandError):
            call_command("decide_domain", name, *wrong)
    call_command("decide_domain", name, "--for", world.north.slug, "--ground", "The register names them")
    assert (row(world.north, name).state, row(world.contoso, name).state) == ("verified", "lapsed")
    with pytest.raises(CommandError, match="not contested"):
        call_command("decide_domain", name, "--for", world.north.slug, "--ground", "Once more")


def test_nobody_proves_it_again_and_nobody_has_it(world: World, zone: Zone) -> None:
    now = datetime.now(UTC)
    name = contested(world, zone, "e", now)
    with tenancy.installation("a test settles"):
        checks.settle(now=now + 7 * DAY)
    assert row(world.north, name).state == row(world.contoso, name).state == "lapsed"


def test_the_log_says_what_changed(world: World, zone: Zone) -> None:
    from audit.queries import Filters, page

    org, name = world.north, f"i{world.north.slug}.com"
    do(org, "add-domain", name)
    publish(zone, row(org, name))
    look(org, name, datetime.now(UTC))
    number_all()
    with tenancy.scope(org=org.organization.id):
        found = page(org=org.organization.id, filters=Filters(action="domain.verified")).entries[0]
    changed = {c["path"]: (c.get("before"), c.get("after")) for c in found.record["change"]}
    assert changed["domain.state"] == ("pending_proof", "verified") and changed["domain.method"] == ("", "dns")
    assert row(org, name).version == 2


def test_while_it_manages_accounts_it_is_not_removed(world: World) -> None:
    from accounts.models import Account

    org, person = world.north, world.north.person("worker")
    for address in ("x@managed-mail.com", "x@eu.managed-mail.com"):
        arrange(lambda address=address: (Account.objects.filter(id=person.account_id).update(email=address, email_key=f"{org.slug}{address}"),
                                         Management.objects.filter(account_id=person.account_id).update(basis="domain_claim"), domain_for(org, "managed-mail.com")))
        with pytest.raises(Refused) as refused:
            do(org, "remove-domain", "managed-mail.com")
        assert refused.value.codes == ["domain_manages"]
    arrange(lambda: Management.objects.filter(account_id=person.account_id).update(basis="created_by_org"))
    do(org, "remove-domain", "MANAGED-mail.com.")


def test_two_that_prove_at_the_same_moment_never_both_hold_it(world: World, zone: Zone) -> None:
    now = datetime.now(UTC)
    for n in range(4):
        name = f"f{n}{world.north.slug}.com"
        for org in (world.north, world.contoso):
            do(org, "add-domain", name)
        publish(zone, row(world.north, name), row(world.contoso, name))
        ids = [row(org, name).id for org in (world.north, world.contoso)]
        start = threading.Barrier(2)

        def go(domain_id: Any, start: threading.Barrier = start) -> None:
            start.wait()
            checks.check(domain_id, now=now)
            connections.close_all()

        threads = [threading.Thread(target=go, args=(i,)) for i in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for org in (world.north, world.contoso):  # whoever was refused looks again
            if row(org, name).state == "pending_proof":
                look(org, name, now)
        assert row(world.north, name).state == row(world.contoso, name).state == "contested"


def test_a_value_that_was_renewed_while_we_looked_proves_nothing(world: World, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    org, name = world.north, f"g{world.north.slug}.com"
    do(org, "add-domain", name)
    publish(zone, row(org, name))
    real = proof.look

    def slow(*, name: str, token: str) -> proof.Looked:
        do(org, "renew-domain-token", name)
        return real(name=name, token=token)

    monkeypatch.setattr(proof, "look", slow)
    assert look(org, name, datetime.now(UTC)).state == "pending_proof"


def test_while_the_domain_is_contested_or_long_unproven_nobody_acts_on_the_account(world: World) -> None:
    org, name = world.north, "frozen-mail.com"
    person = org.person("worker")

    def managed() -> None:
        from accounts.models import Account

        Account.objects.filter(id=person.account_id).update(email=f"w@eu.{name}", email_key=f"w.{org.slug}@eu.{name}")
        Management.objects.filter(account_id=person.account_id).update(basis="domain_claim")
        domain_for(org, name, state="contested", contested_at=datetime.now(UTC))

    def codes(slug: str) -> list[str]:
        with tenancy.scope(org=org.organization.id):
            try:
                door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=WHY, now=datetime.now(UTC))
            except Refused as refused:
                return refused.codes
            return []

    arrange(managed)
    assert codes("deactivate") == ["domain_contested"]
    with tenancy.scope(org=org.organization.id):
        assert door.plan(power=BY_SLUG["lockdown"], actor=org.actor("owner"), ids=[person.id], data=WHY, now=datetime.now(UTC)).blocked == {}, "what protects the account goes on"
    arrange(lambda: Domain.objects.filter(name=name, organization=org.organization).update(state="failing", warned=30))
    assert codes("deactivate") == ["domain_unproven"]
    assert codes("suspend") == [], "powers inside the organization stay"
    arrange(lambda: domain_for(org, f"eu.{name}"))
    assert codes("deactivate") == [], "the more specific domain is in order"


def test_limits_and_strangers(world: World) -> None:
    org = world.north
    arrange(lambda: [domain_for(org, f"n{n}{org.slug}.com", state="pending_proof") for n in range(20)])
    with pytest.raises(Refused) as refused:
        do(org, "add-domain", "one-more.com")
    assert refused.value.codes == ["too_many_domains"]
    with pytest.raises(Refused) as refused:
        do(world.contoso, "remove-domain", str(row(org, f"n1{org.slug}.com").id))
    assert refused.value.codes == ["unknown_domain"]
    do(org, "remove-domain", f"n1{org.slug}.com")
    do(org, "add-domain", "one-more-after-all.com")
    with pytest.raises(Refused) as refused:
        do(org, "add-domain", "one-more-after-all.com")
    assert "domain_there" in refused.value.codes


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["found", "missed", "contest", "release"]), st.integers(0, 40)), max_size=25))
def test_no_history_breaks_the_table(steps: list[tuple[str, int]]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    domain = Domain(name="example.com", token="t", created_at=now, proof_until=now + life.PROOF_WITHIN)
    for step, days in steps:
        now += days * DAY
        before = domain.state
        if before not in OPEN:
            assert domain.ended_at is not None and domain.next_check_at is None and life.TRANSITIONS[DomainState(before)] == frozenset()
            return
        if step == "found":
            life.proven(domain, method="dns", now=now)
        elif step == "missed":
            life.missed(domain, problem="no_record", now=now)
        elif step == "contest" and before in (*HELD, DomainState.PENDING_PROOF):
            life.contest(domain, now=now)
        elif step == "release":
            life.end(domain, DomainState.RELEASED, now=now)
        assert domain.state == before or domain.state in life.TRANSITIONS[DomainState(before)]
        assert domain.state not in OPEN or (domain.failing_since is not None) == (domain.state == "failing")
        assert bool(life.frozen(domain)) == (domain.state == "contested" or (domain.state == "failing" and domain.warned == 30))
        assert domain.state in OPEN or domain.next_check_at is None


def test_every_name_in_the_table_is_a_state() -> None:
    assert set(life.TRANSITIONS) == set(DomainState) and names.shown("xn--bcher-kva.de") == "bücher.de"
