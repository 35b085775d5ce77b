"""Service accounts: members for programs, without a way to sign in, that outlive whoever made them."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from accounts import access, door, listing_query, outbox, tenancy
from accounts.models import Account, Mail, Membership
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import queries, sequencer
from portal import sentences
from tests.browse import client_for
from tests.cast import Org, World
from tests.powers.test_roles import act, made, notices, refused
from tests.situations import WHY, arrange, group_for

NOW = datetime.now


def service(org: Org, name: str = "Payroll", role: str = "auditor") -> Membership:
    act(org, "create-service-account", "administrator", name=name, role=role)
    with tenancy.scope(org=org.organization.id):
        return Membership.objects.select_related("account", "role").get(account__name=name, account__kind="service")


def token(org: Org, found: Membership, *scopes: str, who: str = "administrator") -> str:
    return act(org, "create-token", who, [found.id], label="job", scopes=list(scopes), days=30).secret


def test_it_works_by_tokens_and_outlives_its_maker(world: World) -> None:
    org = world.north
    found = service(org)
    secret = token(org, found, "view_people")
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get(f"/api/v1/orgs/{org.slug}/people/").status_code == 200
    assert client.get(f"/api/v1/orgs/{org.slug}/audit/").status_code == 404  # its role may, this token may not
    for slug in ("suspend", "remove", "lockdown"):
        act(org, slug, "owner", [org.person("administrator").id], **WHY)
    assert client.get(f"/api/v1/orgs/{org.slug}/people/").status_code == 200
    act(org, "suspend", "owner", [found.id], **WHY)
    assert client.get(f"/api/v1/orgs/{org.slug}/people/").status_code == 401


def test_the_log_names_it(world: World) -> None:
    org = world.north
    manager = made(org, "Clerk", 40, "view_people", "update_profiles")
    found = service(org, "Payroll sync", manager.slug)
    secret = token(org, found, "view_people", "update_profiles")
    path = f"/api/v1/orgs/{org.slug}/people/{org.person('worker').id}/actions/update-profile/"
    assert Client(headers={"Authorization": f"Bearer {secret}"}).post(path, {"title": "Clerk"}, content_type="application/json").status_code == 200
    while sequencer.run_once():
        pass
    with tenancy.scope(org=org.organization.id):
        texts = [sentences.line(e).text for e in queries.page(org=org.organization.id, filters=queries.Filters(), size=5).entries]
    assert "An API token of Payroll sync changed the profile of Worker Person" in texts
    assert any(text.endswith("created the service account “Payroll sync”") for text in texts)


def test_it_cannot_sign_in_and_gets_no_mail(world: World) -> None:
    org = world.north
    found = service(org)
    address = found.account.email
    assert address.endswith("@service.invalid")
    assert not found.account.has_usable_password()
    client = Client()
    arrange(lambda: Account.objects.filter(id=found.account_id).update(password=Account.objects.get(id=org.person("worker").account_id).password))  # even with one
    answer = client.post("/sign-in/", {"login": address, "password": "correct horse battery staple"})
    assert "_auth_user_id" not in client.session
    assert answer.status_code == 200
    client.post("/sign-in/forgotten/", {"email": address})
    receipt = act(org, "change-role", "owner", [found.id], role="help-desk")
    assert notices(org, receipt.entries) == {}
    act(org, "suspend", "owner", [found.id], **WHY)
    outbox.owe(template="suspend", account=Account.objects.get(id=found.account_id), context={}, entry=None, organization_id=org.organization.id, now=NOW(UTC))
    with tenancy.installation("look"):
        assert not Mail.objects.filter(address__endswith="@service.invalid").exists()


def test_it_is_not_a_person(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        before = listing_query.counts(organization_id=org.organization.id)
    found = service(org)
    with tenancy.scope(org=org.organization.id):
        assert listing_query.counts(organization_id=org.organization.id) == before
        assert found.id not in {r.id for r in listing_query.page(organization_id=org.organization.id, want=listing_query.Wanted(size=100)).rows}
    for slug in ("require-password-reset", "reset-second-factor", "revoke-sessions", "transfer-ownership", "protect"):
        assert "service_account" in refused(org, slug, "owner", [found.id], **WHY), slug
    with tenancy.scope(org=world.contoso.organization.id):
        arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(has_second_factor=True))
        for org_, row in ((world.contoso, {"email": found.account.email}), (org, {"email": "made-up@service.invalid"})):
            assert refused(org_, "invite", "owner", rows=[row])[0] == "address_unavailable"


def test_its_roles_rank_below_fifty(world: World) -> None:
    org = world.north
    assert refused(org, "create-service-account", "owner", name="Bot", role="people-manager") == ["service_rank"]
    assert refused(org, "create-service-account", "owner", name="Bot", role="owner") == ["service_rank"]
    assert refused(org, "create-service-account", "owner", name="Bot", role="none-such") == ["unknown_role"]
    found = service(org)
    assert refused(org, "create-service-account", "owner", name="PAYROLL", role="auditor") == ["name_taken"]
    assert refused(org, "change-role", "owner", [found.id], role="security") == ["service_rank"]
    groups = []
    arrange(lambda: groups.append(group_for(org, "Guards", role="security")))
    assert refused(org, "add-to-group", "owner", [found.id], group="Guards") == ["service_rank"]
    arrange(lambda: group_for(org, "Guards", found))
    assert refused(org, "set-group-role", "owner", [groups[0].id], role="security") == ["service_rank"]
    own = made(org, "Bots", 20, "view_people")
    arrange(lambda: Membership.objects.filter(id=found.id).update(role=own))
    assert refused(org, "update-role", "owner", [own.id], name="Bots", rank=50, permissions=["view_people"]) == ["service_rank"]


def test_who_may_make_tokens_for_it(world: World) -> None:
    org = world.north
    found = service(org)
    data = {"label": "job", "scopes": ["view_people"], "days": 30}
    assert refused(org, "create-token", "people-manager", [found.id], **data) == ["no_permission"]
    assert refused(org, "create-token", "owner", [found.id], **{**data, "scopes": ["view_people", "manage_access"]}) == ["token_limits"]
    lesser = made(org, "Keeper", 15, "manage_settings", "view_people")
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(role=lesser))
    assert refused(org, "create-token", "worker", [found.id], **data) == ["rank"]
    secret = token(org, found, "view_people")
    use = access.check_token(secret=secret, now=NOW(UTC), ip="")
    assert use.token is not None
    assert use.token.membership_id == found.id
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
        door.perform(power=BY_SLUG["create-token"], actor=access.actor_of_token(use), ids=[found.id], data=data, now=NOW(UTC))
    assert "token_limits" in refusal.value.codes  # a token makes no tokens, not even of its own account
    assert refused(org, "revoke-token", "worker", [use.token.id]) == ["rank"]
    act(org, "revoke-token", "administrator", [use.token.id])
    assert access.check_token(secret=secret, now=NOW(UTC), ip="").refusal == "token_ended"


def test_its_page(world: World) -> None:
    org = world.north
    found = service(org, "<script>alert(1)</script>")
    client = client_for(org.person("owner"))
    assert client.get(f"/o/{org.slug}/people/{found.id}/").headers["Location"] == f"/o/{org.slug}/administrators/service-accounts/{found.id}/"
    made_ = client.post(f"/o/{org.slug}/people/{found.id}/create-token/", {"label": "nightly", "scopes": ["view_people"], "days": "30"})
    assert made_.status_code == 200
    assert b"stw_" in made_.content
    assert f'href="/o/{org.slug}/administrators/service-accounts/{found.id}/"'.encode() in made_.content
    page = client.get(f"/o/{org.slug}/administrators/service-accounts/{found.id}/")
    assert b"nightly" in page.content
    assert b"<script>alert" not in page.content
    with tenancy.scope(org=org.organization.id):
        row = found.api_tokens.get()
    foreign = client.post(f"/o/{org.slug}/administrators/service-accounts/{found.id}/", {"token": str(found.id)})
    assert foreign.status_code == 404
    assert client.post(f"/o/{org.slug}/administrators/service-accounts/{found.id}/", {"token": str(row.id)}).status_code == 302
    assert client.post(f"/o/{org.slug}/administrators/service-accounts/{found.id}/", {"token": "nonsense"}).status_code == 404
    assert client.get(f"/o/{org.slug}/administrators/service-accounts/{org.person('worker').id}/").status_code == 404
    assert client_for(org.person("auditor")).get(f"/o/{org.slug}/administrators/service-accounts/{found.id}/").status_code == 200
