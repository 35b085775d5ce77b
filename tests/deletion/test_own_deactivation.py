"""A person switches their own account off and on again: what stops, what stands in the way, and the ways back."""
from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from accounts import access, own_deactivation, tenancy
from accounts.models import Account, Management, Membership
from accounts.reasons import NotFound, StepUpNeeded
from tests.browse import client_for
from tests.cast import PASSWORD, World
from tests.deletion.acts import account, act
from tests.deletion.test_own import refused
from tests.emails import post
from tests.emails.acts import own
from tests.schedules.stage import actions
from tests.situations import arrange, token_for

SLUG = "deactivate-own-account"
BACK = re.compile(r"/come-back/[\w:.-]+/")


@pytest.fixture
def person(world: World) -> Membership:
    """Somebody whose account nobody manages."""
    found = world.north.person("worker")
    arrange(lambda: Management.objects.filter(account_id=found.account_id).delete())
    return found


def link(person: Membership) -> str:
    found = BACK.search([words for _t, _a, words in post.delivered(person.account_id, template=SLUG)][-1])
    assert found is not None
    return found[0]


def test_off_everywhere_and_back_by_the_mail_once(world: World, person: Membership) -> None:
    made: list[tuple[object, str]] = []
    arrange(lambda: made.append(token_for(person)))
    client = client_for(person)
    assert "Deactivate my account" in client.get("/me/deactivate/").content.decode()
    assert "/sign-in/again" in client_for(person, tier=0).post("/me/deactivate/")["Location"]
    with pytest.raises(StepUpNeeded):
        own(person, SLUG, proof="")
    assert client.post("/me/deactivate/")["Location"] == "/away/"
    assert "Come back when you like" in client.get("/away/").content.decode()
    assert client.get("/me/").status_code == 302 and access.check_token(secret=made[0][1], now=datetime.now(UTC), ip="").refusal
    with tenancy.installation("look"):
        assert Membership.objects.get(id=person.id).effective_status == "deactivated"
        assert Membership.objects.get(id=person.id).status == "active", "the organization's own decision about the access stays what it was"
    refused(lambda: own(person, SLUG), "wrong_status")
    path = link(person)
    for _time in range(2):
        assert "Switch your account on again?" in Client().get(path).content.decode()
    assert account(person).status == "deactivated", "opening a link changes nothing"
    assert Client().get(path.replace("/come-back/", "/come-back/x")).status_code == 404
    assert Client().post(path)["Location"] == "/sign-in/"
    assert (account(person).status, account(person).reason_code) == ("active", "")
    assert access.check_token(secret=made[0][1], now=datetime.now(UTC), ip="").refusal, "tokens that ended stay ended"
    assert Client().post(path).status_code == 404
    assert any("switched on again" in words for _t, _a, words in post.delivered(person.account_id, template="own-security"))
    own(person, SLUG)  # the next time has another link; the first one stays dead
    assert Client().post(path).status_code == 404 and account(person).status == "deactivated"
    assert Client().post(link(person)).status_code == 302


def test_signing_in_and_the_rights_page_lead_back(person: Membership) -> None:
    own(person, SLUG)
    client = Client()
    assert client.post("/sign-in/", {"login": account(person).email, "password": "wrong horse"}).status_code == 200
    path = client.post("/sign-in/", {"login": account(person).email.upper(), "password": PASSWORD})["Location"]
    assert BACK.fullmatch(path) and client.get("/me/").status_code == 302 and account(person).status == "deactivated"
    client.post(path)
    assert account(person).status == "active" and client.get("/me/").status_code == 302, "whoever has a second factor still has to give it"
    own(person, SLUG)
    client.post("/rights/", {"email": account(person).email})
    with tenancy.installation("mail"):
        from accounts import rights
        rights.answer_asked(now=datetime.now(UTC))
    found = re.search(r"/rights/open/[\w-]+/", [words for _t, _a, words in post.delivered(person.account_id, template="rights-link")][-1])
    assert found is not None
    client.post(found[0])
    assert "Come back" in client.get("/rights/page/").content.decode()
    client.post("/rights/page/", {"do": "come-back"})
    assert account(person).status == "active"


def test_what_is_not_theirs_to_decide(world: World, person: Membership) -> None:
    """Who is managed asks; the last owner stays; and what an administrator switched off, or locked meanwhile, no link of the person switches on."""
    org, managed = world.north, world.north.person("member")
    refused(lambda: own(managed, SLUG), "ask_first_deactivation")
    page = client_for(managed).get("/me/deactivate/").content.decode()
    assert "/me/requests/?right=deactivate" in page and "Deactivate my account" not in page
    assert '<option value="deactivate" selected>' in client_for(managed).get("/me/requests/?right=deactivate").content.decode()
    owner = org.person("owner")
    arrange(lambda: (Management.objects.filter(account_id=owner.account_id).delete(), Membership.objects.filter(id=org.person("second-owner").id).update(role=org.roles["member"])))
    refused(lambda: own(owner, SLUG), "last_owner")
    act(org, "deactivate", managed, reason_code="person_asked", message="", private_note="")
    assert own_deactivation.way_back(account(managed)) == ""
    own(person, SLUG)
    path, before = link(person), account(person)
    arrange(lambda: Account.objects.filter(id=person.account_id).update(status="locked", reason_code="compromise", auth_epoch=before.auth_epoch + 1))
    assert Client().get(path).status_code == 404 and Client().post(path).status_code == 404
    with pytest.raises(NotFound):
        own_deactivation.switch_on(account_id=person.account_id, now=datetime.now(UTC), method="mail_link")
    assert account(person).status == "locked"


def test_a_free_policy_lets_managed_people_and_the_log_says_so(world: World) -> None:
    from accounts.models import OrganizationPolicy

    org, managed = world.north, world.north.person("member")
    arrange(lambda: OrganizationPolicy.objects.create(organization=org.organization, own_deletion=True))
    own(managed, SLUG)
    Client().post(link(managed))
    assert account(managed).status == "active"
    for name in ("account.own_deactivated", "account.own_reactivated"):
        assert len(actions(org, name)) == 1, name
