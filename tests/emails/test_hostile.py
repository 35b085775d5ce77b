"""What people and programs may type where an address belongs: refused with a reason, or kept exactly."""
from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts import tenancy
from accounts.addresses import address_key
from accounts.claims import running
from accounts.emails import steps
from accounts.models import AddressChange, Domain, Membership
from accounts.reasons import Refused
from audit.models import Entry
from tests.browse import client_for
from tests.cast import World
from tests.emails import post
from tests.emails.acts import NAMED, act, address, latest, own
from tests.situations import DATA, arrange, domain_for

HOSTILE = ["", " ", "nobody", "@", "a@", "@b.example", "a@b", "a b@c.example", "a@b.example\r\nBcc: x@y.example", "a\x00@b.example", "a@b.example,c@d.example", "a@b.example;x", "<a@b.example>", "a@-b.example", "a@b..example",
           "a@xn--.example", f"{'a' * 300}@b.example", f"a@{'b' * 70}.example", "a\u202e@b.example", "a\u200b@b.example", "a@b.exam\u2060ple", "ﷺ" * 60 + "@b.example", "a@[127.0.0.1", "a@b.example ", "\ufeffa@b.example"]


@pytest.mark.parametrize("typed", HOSTILE)
def test_page_and_api_refuse_or_keep(world: World, typed: str) -> None:
    person = world.north.person("guest")
    client, old = client_for(person), address(person)
    answer = client.post("/me/email/", {"act": "change-own-email", "email": typed})
    assert answer.status_code in {302, 422}
    told = client.post("/api/v1/me/actions/change-own-email/", json.dumps({"email": typed}), content_type="application/json")
    assert told.status_code in {200, 409, 422}
    assert address(person) == old
    row = latest(person)
    assert (row is not None) == (answer.status_code == 302)
    if row is not None:  # white space around it is not part of an address, and Unicode is kept as typed
        assert row.new_address == typed.strip().strip("\ufeff")


def test_ten_megabytes(world: World) -> None:
    client = client_for(world.north.person("guest"))
    huge = "a" * (10 * 1024 * 1024) + "@b.example"
    assert client.post("/api/v1/me/actions/change-own-email/", json.dumps({"email": huge}), content_type="application/json").status_code in {400, 413, 422}
    assert client.post("/me/email/", {"act": "change-own-email", "email": huge}).status_code in {400, 413, 422}
    assert latest(world.north.person("guest")) is None
    assert Client().get(f"/address/confirm/{'x' * 3000}/").status_code == 404
    assert Client().post("/address/undo/%00%ff/").status_code in {400, 404}


@pytest.mark.parametrize("typed", ["jörg+tag.a@{d}", "JÖRG@{d}", "o'brien@{d}", "first.last@{d}", "x@bücher-{d}", "почта@{d}"])
def test_unusual_and_right(world: World, typed: str) -> None:
    person = world.north.person("guest")
    wanted = typed.format(d=f"{uuid.uuid4().hex}.example")
    own(person, "change-own-email", email=wanted)
    steps.confirm(post.word(person.account_id, latest(person).new_address), now=datetime.now(UTC))
    assert address_key(address(person)) == address_key(wanted)


def test_a_look_alike_domain_is_marked(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: domain_for(org, f"{org.slug}.example"))
    fake = "worker@nоrth.example"  # a Cyrillic o
    own(person, "change-own-email", email=fake)
    row = latest(person)
    steps.confirm(post.word(person.account_id, row.new_address), now=datetime.now(UTC))
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/email-changes/").content.decode()
    assert "Looks like another domain" in page
    assert "xn--" in page
    mail = post.delivered(org.person("owner").account_id, template="address-request")[0][2]
    assert "xn--" in mail


def test_a_second_organization_names_our_people_and_requests(world: World) -> None:
    """Its ids answer like ids that do not exist, and its administrators decide nothing about our people."""
    org, other, person = world.north, world.contoso, world.north.person("worker")
    arrange(lambda: domain_for(org, f"{org.slug}.example"))
    act(org, "change-email", person, email=f"new@{org.slug}.example", **NAMED)
    row = latest(person)
    client = client_for(other.person("owner"))
    for slug in ("change-email", "cancel-email-change", "approve-email-change", "deny-email-change", "remove-recovery-address", "free-address", "confirm-identity"):
        for place in (other.slug, org.slug):
            answer = client.post(f"/api/v1/orgs/{place}/people/{person.id}/actions/{slug}/", json.dumps({"change": str(row.id)} if slug.startswith("approve") else DATA[slug]), content_type="application/json")
            assert answer.status_code == 404, slug
    assert client.get(f"/api/v1/orgs/{other.slug}/email-changes/").json() == {"changes": []}
    mine = other.person("member")
    answer = client.post(f"/api/v1/orgs/{other.slug}/people/{mine.id}/actions/approve-email-change/", json.dumps({"change": str(row.id)}), content_type="application/json")
    assert answer.status_code in {403, 409}
    assert AddressChange.objects.count() == 0  # without a scope nothing is found
    assert latest(person).state == "requested"


def test_undoing_leads_out_of_the_control_of_an_organization_without_ground(world: World) -> None:
    """The address that comes back is in no domain of the organization any more: whoever managed the account because of its domain does so no longer."""
    from tests.claims.acts import announce, domain, manager, row
    from tests.claims.acts import person as claimed

    org, start = world.north, datetime.now(UTC)
    first, second = domain(org), domain(org)
    account = claimed(first, "mover")
    announce(org, first, now=start)
    running.run(now=start + timedelta(days=14))
    assert manager(account) == org.organization.id
    arrange(lambda: Membership.objects.create(organization=org.organization, account=account, role=org.roles["member"], status="active", created_at=start, joined_at=start))
    with tenancy.installation("look"):
        member = Membership.objects.get(account=account)
    old, later = account.email, start + timedelta(days=15)
    act(org, "change-email", member, now=later, email=f"mover@{second.name}", **NAMED)
    steps.confirm(post.word(account.id, f"mover@{second.name}"), now=later)
    assert address(account.id) == f"mover@{second.name}" and manager(account) == org.organization.id
    undo = post.word(account.id, old)
    arrange(lambda: Domain.objects.filter(id=first.id).update(state="released"))
    steps.undo(undo, now=later)
    assert (address(account.id), manager(account), row(account).state, row(account).problem) == (old, None, "released", "not_in_domain")
    with tenancy.installation("look"):
        assert Entry.objects.filter(org=org.organization.id, record__contains='"management.ended"').filter(record__contains=str(account.id)).count() == 1


def test_an_address_that_was_given_free_is_no_mailbox_that_undoes(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: domain_for(org, f"{org.slug}.example"))
    for slug in ("deactivate", "free-address", "reactivate"):
        act(org, slug, person, **{**NAMED, "reason_code": "mistake"})
    act(org, "change-email", person, email=f"again@{org.slug}.example", **NAMED)
    steps.confirm(post.word(person.account_id, f"again@{org.slug}.example"), now=datetime.now(UTC))
    assert latest(person).state == "done" and latest(person).undo_hash is None


def test_asking_tells_nobody_whether_an_address_is_somebodys(world: World) -> None:
    """The answer to whoever asks is the same; only the reader of the mailbox hears that it cannot be, whether or not the account is managed."""
    for who, theirs in (("guest", "worker"), ("worker", "guest")):
        person, taken = world.north.person(who), address(world.north.person(theirs))
        client, answers = client_for(person), []
        for asked in (f"free-{who}@elsewhere-mail.com", taken):
            shown = client.post("/me/email/", {"act": "change-own-email", "email": asked}, follow=True)
            told = client.post("/api/v1/me/actions/change-own-email/", json.dumps({"email": asked}), content_type="application/json")
            answers.append((shown.status_code, told.status_code, [reason["code"] for reason in told.json().get("reasons", [])]))
            secret = post.word(person.account_id, asked)
            if asked == taken:
                before = address(person)
                with pytest.raises(Refused) as refused:
                    steps.confirm(secret, now=datetime.now(UTC))
                assert refused.value.codes == ["address_unavailable"] and address(person) == before
            own(person, "withdraw-own-email-change")
        assert answers[0] == answers[1] and answers[0][0] == 200, answers
