"""A contest over the domain that claims stand on: who is told, what rests, what waits, and who gets the domain when."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from accounts import door, outbox, purging, tenancy
from accounts.claims import running
from accounts.domains import checks, proof
from accounts.models import Account, Deletion, Domain, Mail, Membership
from accounts.reasons import Refused
from portal.powers import BY_SLUG
from tests.browse import client_for
from tests.cast import Org, World
from tests.claims.acts import DAY, announce, answer, domain, manager, person, row
from tests.claims.test_life import mails
from tests.situations import WHY, arrange, deletion_for

FOUND, GONE, AWAY = proof.Looked(method="dns"), proof.Looked(problem="no_record"), proof.Looked(problem="no_answer")


def at(org: Org, name: str) -> Domain:
    with tenancy.installation("a test looks"):
        return Domain.objects.filter(organization=org.organization, name=name).order_by("-created_at")[0]


def looked(org: Org, name: str, found: proof.Looked, now: datetime) -> Domain:
    with tenancy.installation("a test looks for a proof"):
        checks._write(at(org, name), found, now)
    return at(org, name)


def contest(world: World, on: Domain, now: datetime) -> None:
    """Contoso proves the domain that North holds."""
    arrange(lambda: Domain.objects.create(organization=world.contoso.organization, name=on.name, token="t", created_at=now, proof_until=now + 7 * DAY, next_check_at=now))
    looked(world.contoso, on.name, FOUND, now)
    assert at(world.north, on.name).state == at(world.contoso, on.name).state == "contested"


def settled(now: datetime) -> None:
    with tenancy.installation("a test settles"):
        checks.settle(now=now)


def member_of(org: Org, on: Domain) -> Membership:
    """A member whose account is managed on the ground of the domain."""
    guest = org.person("guest")
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(email=f"guest@{on.name}", email_key=f"guest@{on.name}"))
    return guest


def test_everybody_concerned_is_told_what_it_means_and_how_it_ends(world: World) -> None:
    on, start = domain(world.north), datetime.now(UTC) + 15 * DAY
    managed = person(on, "managed")
    announce(world.north, on, now=start - 14 * DAY)
    running.run(now=start)
    waiting, objecting = person(on, "waiting"), person(on, "objecting")
    announce(world.north, on, now=start)
    answer(objecting, "object-to-claim", now=start, message="No.")
    contest(world, on, start + DAY)
    words = {one.email.split("@")[0]: outbox.render(mails(one)[-1])[1] for one in (managed, waiting, objecting)}
    assert "nobody in" in words["managed"] and "rests" in words["waiting"] and "rests" in words["objecting"] and "You can go on deciding" in words["waiting"]
    client = client_for(member_of(world.north, on))
    arrange(lambda: type(row(waiting)).objects.filter(id=row(waiting).id).update(account_id=world.north.person("guest").account_id))
    page = client.get("/me/claims/").content.decode()
    assert "The claim rests" in client.get(f"/me/claims/{row(Account.objects.get(id=world.north.person('guest').account_id)).id}/").content.decode() and on.name in page
    running.run(now=start + 20 * DAY)
    assert row(objecting).state == "objected" and manager(objecting) is None
    looked(world.north, on.name, FOUND, start + 2 * DAY)
    call_command("decide_domain", on.name, "--for", world.north.slug, "--ground", "The register names them")
    words = {one.email.split("@")[0]: outbox.render(mails(one)[-1])[1] for one in (managed, objecting)}
    assert "belongs to" in words["managed"] and "The register names them" in words["managed"] and "goes on" in words["objecting"] and "until your objection" in words["objecting"]


def test_both_sides_are_frozen_and_so_is_what_was_to_be_deleted(world: World) -> None:
    org, on, start = world.north, domain(world.north), datetime.now(UTC) + 15 * DAY
    guest = member_of(org, on)
    announce(org, on, now=start - 14 * DAY)
    running.run(now=start)
    account = Account.objects.get(id=guest.account_id)
    assert manager(account) == org.organization.id
    arrange(lambda: deletion_for(guest, purge_at=start + DAY))
    contest(world, on, start)

    def codes(slug: str) -> list[str]:
        with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refused:
            door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[guest.id], data=WHY, now=start)
        return refused.value.codes

    assert codes("release-address") == ["domain_contested"]
    assert "domain_contested" in codes("export-person"), "what it holds is not read by either side"
    purging.run(now=start + 2 * DAY)
    with tenancy.installation("a test looks"):
        waits = Deletion.objects.get(account=account)
        assert (waits.state, waits.waits_for) == ("blocked", ["domain_contested"])
    arrange(lambda: Account.objects.filter(id=account.id).update(email=f"{account.id}@released.invalid", email_key=f"{account.id}@released.invalid"))
    arrange(lambda: Deletion.objects.filter(account=account).update(address_released=True, state="waiting", waits_for=[]))
    purging.run(now=start + 2 * DAY)
    with tenancy.installation("a test looks"):
        assert Deletion.objects.get(account=account).waits_for == ["domain_contested"], "giving the address free before does not help"
    arrange(lambda: Deletion.objects.filter(account=account).update(by_person=True))
    purging.run(now=start + 2 * DAY)
    assert Account.objects.get(id=account.id).status == "purged", "what the person asked for goes on"


@pytest.mark.parametrize(("what", "ground"), [("active", "holder_active"), ("deleting", "deletions_running"), ("quiet", "")])
def test_a_holder_with_people_at_work_loses_it_to_nobody_quickly(world: World, what: str, ground: str) -> None:
    org, on, start = world.north, domain(world.north), datetime.now(UTC) + 15 * DAY
    guest = member_of(org, on)
    announce(org, on, now=start - 14 * DAY)
    running.run(now=start)
    if what == "deleting":
        arrange(lambda: deletion_for(guest, purge_at=start + 60 * DAY))
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(last_active_at=start + 5 * DAY if what == "active" else start - 60 * DAY))
    arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(is_operator=True))
    contest(world, on, start)
    looked(world.contoso, on.name, FOUND, start + DAY)
    settled(start + 8 * DAY)
    assert at(org, on.name).state == ("contested" if ground else "lapsed")
    with tenancy.installation("a test reads mail"):
        mails(Account.objects.get(id=guest.account_id))
        owed = [outbox.render(mail)[1] for mail in Mail.objects.filter(template="domain-decision", account_id=world.contoso.person("owner").account_id)]
    assert sum(on.name in text for text in owed) == bool(ground), "the operator is told, once"
    if ground:
        settled(start + 9 * DAY)
        operator = client_for(world.contoso.person("owner"))
        assert on.name in operator.get("/operator/").content.decode()
        arrange(lambda: Account.objects.filter(id=guest.account_id).update(last_active_at=start + 29 * DAY))
        settled(start + 29 * DAY)
        assert at(org, on.name).state == "contested"
        settled(start + 30 * DAY)
    assert (at(org, on.name).state, at(world.contoso, on.name).state) == ("lapsed", "verified")
    running.run(now=start + 31 * DAY)
    assert manager(Account.objects.get(id=guest.account_id)) is None
    arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(is_operator=False))


def test_who_proves_it_within_72_hours_prevails_after_a_week_who_is_late_later(world: World) -> None:
    start: Any = datetime.now(UTC)
    early, late = domain(world.north), domain(world.north)
    for on, after in ((early, timedelta(hours=72)), (late, timedelta(hours=73))):
        contest(world, on, start)
        looked(world.contoso, on.name, FOUND, start + after)
    settled(start + 7 * DAY)
    assert (at(world.contoso, early.name).state, at(world.contoso, late.name).state) == ("verified", "contested")
    looked(world.contoso, late.name, AWAY, start + 8 * DAY)
    assert at(world.contoso, late.name).fresh_at == start + timedelta(hours=73), "that nobody could look takes nothing away"
    looked(world.contoso, late.name, GONE, start + 9 * DAY)
    looked(world.contoso, late.name, FOUND, start + 9 * DAY)
    settled(start + 15 * DAY)
    assert at(world.contoso, late.name).state == "contested", "taken down and put back, the week begins anew"
    settled(start + 16 * DAY)
    assert at(world.contoso, late.name).state == "verified"


def test_an_organization_that_ends_takes_over_nobody(world: World) -> None:
    on, start = domain(world.north), datetime.now(UTC)
    someone = person(on, "someone")
    announce(world.north, on, now=start)
    arrange(lambda: type(world.north.organization).objects.filter(id=world.north.organization.id).update(status="pending_deletion"))
    running.run(now=start + 20 * DAY)
    with tenancy.installation("a worker that had chosen the claim before"):
        assert running.start(row(someone).claim_id, now=start + 20 * DAY) == 0
    assert (manager(someone), row(someone).state) == (None, "announced")


@pytest.mark.parametrize(("slug", "taken"), [("release-address", False), ("release-address", True), ("free-address", False), ("free-address", True)])
def test_with_the_domain_goes_an_account_whose_address_was_given_free(world: World, slug: str, taken: bool) -> None:
    """Its address is nowhere any more, but the claim by which it is managed is known: it does not stay with an organization that lost the ground.

    The person has the address again, or, if it is somebody else's by now, the account stays off and a deletion goes on: an account that nobody can sign in to and nobody manages is nobody's.
    """
    on, start = domain(world.north), datetime.now(UTC)
    guest = member_of(world.north, on)
    address = f"guest@{on.name}"
    announce(world.north, on, now=start)
    running.run(now=start + 14 * DAY)
    if slug == "release-address":
        arrange(lambda: deletion_for(guest, purge_at=start + 60 * DAY))
    else:
        arrange(lambda: Account.objects.filter(id=guest.account_id).update(status="deactivated"))
    with tenancy.scope(org=world.north.organization.id):
        later = start + 14 * DAY
        door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner", now=later), ids=[guest.id], data=WHY, now=later)
    if taken:
        person(on, "guest")
    arrange(lambda: Domain.objects.filter(id=on.id).update(state="lapsed", releasing=True))
    running.run(now=start + 15 * DAY)
    freed = Account.objects.get(id=guest.account_id)
    assert (manager(freed), row(freed).state) == (None, "released")
    off = "pending_deletion" if slug == "release-address" else "deactivated"
    assert (freed.status, freed.email == address) == ((off, False) if taken else ("active", True))


def test_when_the_other_side_gives_up_a_fresh_proof_is_enough(world: World) -> None:
    on, start = domain(world.north), datetime.now(UTC)
    contest(world, on, start)
    settled(start + DAY)
    with tenancy.scope(org=world.contoso.organization.id):
        door.perform(power=BY_SLUG["remove-domain"], actor=world.contoso.actor("owner", now=start), data={"domain": on.name}, now=start)
    settled(start + DAY)
    assert at(world.north, on.name).state == "contested", "what was published before proves nothing now"
    looked(world.north, on.name, FOUND, start + DAY)
    settled(start + DAY)
    assert at(world.north, on.name).state == "verified"


def test_a_deletion_that_has_begun_is_not_taken_back_by_a_lost_domain(world: World) -> None:
    on, start = domain(world.north), datetime.now(UTC)
    guest = member_of(world.north, on)
    announce(world.north, on, now=start)
    running.run(now=start + 14 * DAY)
    nowhere = f"{guest.account_id}@released.invalid"
    arrange(lambda: deletion_for(guest, purge_at=start, state="purging", began_at=start))
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(email=nowhere, email_key=nowhere))
    arrange(lambda: Domain.objects.filter(id=on.id).update(state="lapsed", releasing=True))
    running.run(now=start + 15 * DAY)
    account = Account.objects.get(id=guest.account_id)
    assert (account.status, account.email, manager(account)) == ("pending_deletion", nowhere, None)
