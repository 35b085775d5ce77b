"""A person deletes their own account: alone or by asking; what stands in the way; and the ways back."""
from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.conf import settings
from django.test import Client

from accounts import due, mail, outbox, own_deletion, purging, tenancy
from accounts.models import Account, AddressChange, Mail, Management, Membership, OrganizationPolicy, RightsRequest, Tombstone
from accounts.people import usable_owners
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from tests.browse import client_for
from tests.cast import PASSWORD, World
from tests.claims.test_races import at_once
from tests.deletion.acts import DAY, account, act, deletion
from tests.deletion.test_schedule import hold
from tests.emails import post
from tests.emails.acts import own
from tests.situations import arrange

BACK = re.compile(r"/keep-account/[\w:-]+/")


@pytest.fixture
def person(world: World) -> Membership:
    """Somebody whose account nobody manages."""
    found = world.north.person("worker")
    arrange(lambda: Management.objects.filter(account_id=found.account_id).delete())
    return found


def refused(call: object, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        call()  # type: ignore[operator]
    assert code in refusal.value.codes


def link(person: Membership, template: str) -> str:
    """The link as it stands in the mail."""
    found = BACK.search(next(words for _t, _a, words in post.delivered(person.account_id, template=template)))
    assert found is not None
    return found[0]


def asked(person: Membership) -> RightsRequest | None:
    with tenancy.installation("look"):
        return RightsRequest.objects.filter(account_id=person.account_id, kind="account").order_by("-asked_at").first()


def test_alone_from_the_page_to_the_tombstone(world: World, person: Membership) -> None:
    """Preview, a fresh proof, the typed address; then everything is closed, and three notices later only a tombstone is left."""
    client, before = client_for(person), account(person)
    page = unescape(client.get("/me/delete/").content.decode())
    assert all(words in page for words in ("What goes, and what stays", "Removed", "Stays without what identifies you", "In other places", "Delete my account")), page
    assert client.post("/me/delete/", {"act": "delete-own-account", "confirm": "somebody@else.example"}).status_code == 422
    assert "/sign-in/again" in client_for(person, tier=0).post("/me/delete/", {"act": "delete-own-account", "confirm": before.email})["Location"]
    assert deletion(person) is None
    with pytest.raises(StepUpNeeded):
        own(person, "delete-own-account", proof="")
    assert client.post("/me/delete/", {"act": "delete-own-account", "confirm": before.email.upper()})["Location"] == "/goodbye/"
    assert client.get("/me/").status_code == 302 and "take it back" in Client().get("/goodbye/").content.decode()
    row = deletion(person)
    assert row is not None and row.by_person and row.organization_id is None and account(person).status == "pending_deletion"
    assert timedelta(days=14) == row.purge_at - row.scheduled_at
    with tenancy.installation("look"):
        assert Membership.objects.get(id=person.id).effective_status == "pending_deletion"
    refused(lambda: own(person, "delete-own-account"), "wrong_status")
    assert link(person, "deletion-news")
    with tenancy.installation("time"):
        purging.run(now=row.purge_at - 3 * DAY)
    subjects = [words for template, _a, words in post.delivered(person.account_id) if template == "deletion-news"]
    assert len(subjects) == 2 and all(BACK.search(words) for words in subjects)
    post.sent(person.account_id, now=row.purge_at - 3 * DAY)
    with tenancy.installation("time"):
        purging.run(now=row.purge_at + timedelta(minutes=1))
        assert Tombstone.objects.get(account=person.account_id).by_person
        assert Mail.objects.filter(account_id=person.account_id, template="account-deleted").count() == 1


def test_the_link_takes_it_back_once_and_by_the_button_only(person: Membership) -> None:
    own(person, "delete-own-account")
    path = link(person, "deletion-news")
    for _time in range(2):
        assert "Keep your account?" in Client().get(path).content.decode()
    assert account(person).status == "pending_deletion"
    assert Client().get(path[:-2] + "x/").status_code == 404
    assert Client().post(path)["Location"] == "/sign-in/"
    assert account(person).status == "active" and deletion(person) is None
    assert Client().post(path).status_code == 404
    assert any("was cancelled" in words for template, _a, words in post.delivered(person.account_id, template="deletion-news"))
    own(person, "delete-own-account")  # the next deletion has another link; the first one stays dead
    assert Client().post(path).status_code == 404 and account(person).status == "pending_deletion"
    row = deletion(person)
    assert row is not None
    arrange(lambda: type(row).objects.filter(id=row.id).update(state="purging"))
    assert Client().get(link(person, "deletion-news")).status_code == 404, "from here on there is no way back"
    with tenancy.installation("outbox"):
        outbox.deliver(now=datetime.now(UTC))
        assert not any("/keep-account/" in words for words in Mail.objects.filter(account_id=person.account_id, state="sent").values_list("body", flat=True)), "what was sent keeps no link"


def test_signing_in_leads_to_the_way_back(person: Membership) -> None:
    """The password shows the way; no session begins, and only the button takes anything back."""
    own(person, "delete-own-account")
    client = Client()
    assert client.post("/sign-in/", {"login": account(person).email, "password": "wrong horse"}).status_code == 200
    answer = client.post("/sign-in/", {"login": account(person).email, "password": PASSWORD})
    path = answer["Location"]
    assert BACK.fullmatch(path) and "Keep your account?" in client.get(path).content.decode()
    assert client.get("/me/").status_code == 302 and account(person).status == "pending_deletion"
    with pytest.raises(NotFound):
        own_deletion.keep(path.split("/")[2][:-1], now=datetime.now(UTC))
    client.post(path)
    assert account(person).status == "active"
    assert client.get("/me/").status_code == 302, "whoever has a second factor still has to give it"


def test_what_an_administrator_scheduled_only_they_take_back(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "schedule-deletion", person, reason_code="left")
    row = deletion(person)
    assert row is not None and not row.by_person
    assert Client().post("/keep-account/" + own_deletion.link(row).split("/keep-account/")[1]).status_code == 404
    assert "/keep-account/" not in Client().post("/sign-in/", {"login": account(person).email, "password": PASSWORD})["Location"]
    assert account(person).status == "pending_deletion"


def test_what_stands_in_the_way_is_said_with_what_to_do(world: World) -> None:
    org, owner, worker = world.north, world.north.person("owner"), world.north.person("worker")
    arrange(lambda: OrganizationPolicy.objects.create(organization=org.organization, own_deletion=True))
    own(world.north.person("second-owner"), "delete-own-account")
    refused(lambda: own(owner, "delete-own-account"), "last_owner")
    page = unescape(client_for(owner).get("/me/delete/").content.decode())
    assert org.organization.name in page and "Make somebody else an owner" in page and "Delete my account" not in page
    hold(org, worker)
    refused(lambda: own(worker, "delete-own-account"), "on_hold")
    assert "kept for a legal reason" in unescape(client_for(worker).get("/me/delete/").content.decode())


def test_managed_accounts_are_asked_for(world: World) -> None:
    """The person asks, administrators hear of it at once, after seven and after fourteen days; one of them agrees; the person can still take it back."""
    org, person, now = world.north, world.north.person("worker"), datetime.now(UTC)
    refused(lambda: own(person, "delete-own-account"), "ask_first")
    client = client_for(person)
    assert "decides about its deletion" in unescape(client.get("/me/delete/").content.decode())
    assert client.post("/me/delete/", {"act": "ask-own-deletion", "words": "I have left."}).status_code == 302
    refused(lambda: own(person, "ask-own-deletion"), "asked_already")
    assert deletion(person) is None and account(person).status == "active"
    queue = client_for(org.person("owner")).get(f"/o/{org.slug}/requests/").content.decode()
    assert "I have left." in queue and "grant-own-deletion" in queue
    assert "grant-own-deletion" not in client_for(org.person("privacy-officer")).get(f"/o/{org.slug}/requests/").content.decode()
    told = {who: len(post.delivered(org.person(who).account_id, template="deletion-asked")) for who in ("owner", "administrator", "worker", "auditor")}
    assert told == {"owner": 1, "administrator": 1, "worker": 0, "auditor": 0}
    for day in (6, 7, 8, 14, 15, 16):
        due.run(now=now + day * DAY + timedelta(minutes=1))
    told = {who: len(post.delivered(org.person(who).account_id, template="deletion-asked")) for who in ("owner", "administrator")}
    assert told == {"owner": 3, "administrator": 2}
    refused(lambda: act(world.contoso, "grant-own-deletion", world.contoso.person("owner"), now=now), "no_request")
    act(org, "grant-own-deletion", person, message="All the best.")
    row, request = deletion(person), asked(person)
    assert row is not None and row.by_person and row.organization_id == org.organization.id and request is not None
    assert (request.state, request.outcome, account(person).status) == ("answered", "granted", "pending_deletion")
    assert Client().post(link(person, "grant-own-deletion")).status_code == 302 and account(person).status == "active"
    with tenancy.installation("look"):
        assert Management.objects.get(account_id=person.account_id).organization_id == org.organization.id


def test_declined_withdrawn_and_moot(world: World) -> None:
    org, person, now = world.north, world.north.person("worker"), datetime.now(UTC)
    own(person, "ask-own-deletion", words="")
    act(org, "decline-own-deletion", person, reason_code="work_unfinished", message="Hand over the keys first.")
    assert "Hand over the keys first." in post.delivered(person.account_id, template="decline-own-deletion")[0][2]
    assert "Hand over the keys first." in unescape(client_for(person).get("/me/delete/").content.decode())
    refused(lambda: act(org, "grant-own-deletion", person), "no_request")
    own(person, "ask-own-deletion", words="")
    own(person, "withdraw-own-deletion")
    refused(lambda: act(org, "grant-own-deletion", person), "no_request")
    own(person, "ask-own-deletion", words="")
    act(org, "release-account", person)
    refused(lambda: act(org, "grant-own-deletion", person), "not_managed")
    due.run(now=now + DAY)
    found = asked(person)
    assert found is not None and found.state == "ended"
    own(person, "delete-own-account")  # now it is theirs alone
    assert account(person).status == "pending_deletion"


def test_whose_days_and_who_is_asked(world: World) -> None:
    """The organization's own number of days counts where it lets people decide; whoever decides alone asks nobody; a directory's people ask there."""
    org, person = world.north, world.north.person("worker")
    arrange(lambda: OrganizationPolicy.objects.create(organization=org.organization, own_deletion=True, deletion_days=40))
    refused(lambda: own(person, "ask-own-deletion", words=""), "decide_alone")
    own(person, "delete-own-account")
    row = deletion(person)
    assert row is not None and row.purge_at - row.scheduled_at == 40 * DAY and row.organization_id == org.organization.id
    governed = org.person("auditor")
    arrange(lambda: Management.objects.filter(account_id=governed.account_id).update(basis="scim"))
    for slug in ("delete-own-account", "ask-own-deletion"):
        refused(lambda slug=slug: own(governed, slug, words=""), "managed_by_idp")  # type: ignore[misc]
    page = unescape(client_for(governed).get("/me/delete/").content.decode())
    assert "A directory of your organization decides" in page and "Delete my account" not in page


def test_nothing_that_was_under_way_outlives_it(person: Membership) -> None:
    """A reset link and a change of the address from before open nothing afterwards, nor when the deletion was taken back."""
    before = account(person)
    key = mail.reset_link(before)
    own(person, "change-own-email", email="somewhere@home-mail.com")
    own(person, "delete-own-account")
    with tenancy.installation("look"):
        assert AddressChange.objects.get(account_id=person.account_id).state == "cancelled"
    assert Client().post(link(person, "deletion-news")).status_code == 302
    answer = Client().get(key.removeprefix(settings.STEWARD_URL), follow=True)
    assert account(person).status == "active" and "new_password" not in answer.content.decode() and "password1" not in answer.content.decode()


def test_the_way_back_that_a_password_shows_is_open_for_half_an_hour(person: Membership) -> None:
    own(person, "delete-own-account")
    path = Client().post("/sign-in/", {"login": account(person).email, "password": PASSWORD})["Location"]
    with freeze_signing(own_deletion.SIGNED_IN_FOR - timedelta(minutes=1)):
        assert Client().get(path).status_code == 200
    with freeze_signing(own_deletion.SIGNED_IN_FOR + timedelta(minutes=1)):
        assert Client().get(path).status_code == 404
        assert Client().get(link(person, "deletion-news")).status_code == 200, "the link in the mail has no such end"


@contextmanager
def freeze_signing(later: timedelta) -> Iterator[None]:
    """Links are looked at so much later."""
    now = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.core.signing.time.time", lambda: now + later.total_seconds())
        yield


def test_of_two_owners_who_go_at_once_one_stays(world: World) -> None:
    org = world.north
    owners = [org.person("owner"), org.person("second-owner")]
    arrange(lambda: (OrganizationPolicy.objects.create(organization=org.organization, own_deletion=True), Account.objects.filter(id=owners[1].account_id).update(has_second_factor=True)))
    answers = at_once(*[lambda one=one: own(one, "delete-own-account") for one in owners])  # type: ignore[misc]
    assert sorted(isinstance(answer, Refused | Stale) for answer in answers) == [False, True]
    with tenancy.scope(org=org.organization.id):
        assert usable_owners(organization_id=org.organization.id, without=[]) == 1
