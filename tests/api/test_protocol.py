"""What holds for every call: conditions, repetitions, rates, deferred answers; and the life of a plan."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as Away

from accounts import bulk_run, tenancy
from accounts.models import ApiToken, Membership, Role
from portal.api import auth
from tests.api.calls import Api, number_the_log
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange

WHY = {"reason_code": "absence"}


def test_etags(world: World) -> None:
    api, person = Api(world), world.north.person("worker")
    one = api.call("get", f"/people/{person.id}/")
    same = api.call("get", f"/people/{person.id}/", **{"If-None-Match": one.headers["ETag"]})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", one.headers["ETag"])
    path = f"/people/{person.id}/actions/update-profile/"
    assert api.call("post", path, {"title": "A"}, **{"If-Match": '"9-9-9"'}).status_code == 412
    assert api.call("post", path, {"title": "A"}, **{"If-Match": f"W/{one.headers['ETag']}"}).status_code == 412
    assert api.call("post", path, {"title": "A"}, **{"If-Match": f'"9-9-9", {one.headers["ETag"]}'}).status_code == 200
    assert api.call("post", path, {"title": "B"}, **{"If-Match": "*"}).status_code == 200
    assert api.call("get", f"/people/{person.id}/", **{"If-None-Match": one.headers["ETag"]}).status_code == 200
    token = api.token
    assert api.call("post", f"/tokens/{token.id}/actions/revoke-token/", {}, **{"If-Match": '"7"'}).status_code == 412
    assert api.call("post", f"/tokens/{token.id}/actions/revoke-token/", {}, **{"If-Match": f'"{token.version}"'}).status_code == 200
    assert api.call("get", "/api/v1/me/").status_code == 401


def test_repetitions_answer_once(world: World) -> None:
    api, other, person = Api(world), Api(world, "owner"), world.north.person("worker")
    path, key = f"/people/{person.id}/actions/suspend/", {"Idempotency-Key": "k-1"}
    first = api.call("post", path, WHY, **key)
    again = api.call("post", path, WHY, **key)
    assert "Idempotency-Replayed" not in first.headers
    assert (again.status_code, again.headers["Idempotency-Replayed"], again.json()["entries"]) == (200, "true", first.json()["entries"])
    assert api.call("post", path, {"reason_code": "mistake"}, **key).json()["code"] == "idempotency_key_reused"
    assert other.call("post", path, WHY, **key).status_code == 409, "another caller's key is another key"
    assert api.call("post", path, WHY, **{"Idempotency-Key": "x" * 201}).status_code == 422
    plan = {"action": "restore", "targets": [str(person.id)], "params": {"reason_code": "mistake", "how": "reinstate"}}
    made, repeated = api.call("post", "/plans/", plan, **{"Idempotency-Key": "k-2"}), api.call("post", "/plans/", plan, **{"Idempotency-Key": "k-2"})
    assert (made.status_code, made.json()["id"], repeated.headers["Idempotency-Replayed"]) == (201, repeated.json()["id"], "true")
    assert api.call("post", "/plans/", {**plan, "params": {"reason_code": "other", "private_note": "x", "how": "reinstate"}}, **{"Idempotency-Key": "k-2"}).status_code == 422


def test_a_plan_from_its_making_to_its_receipt(world: World) -> None:
    api = Api(world)
    made = api.call("post", "/plans/", {"action": "suspend", "filter": {"role": "member"}, "params": WHY})
    plan = made.json()
    assert (made.status_code, plan["state"], made.headers["Location"]) == (201, "planned", f"{api.base}/plans/{plan['id']}/")
    go = f"/plans/{plan['id']}/execute/"
    assert api.call("post", go, {"digest": "0" * 64, "count": plan["doable"]}).status_code == 412
    assert api.call("post", go, {"digest": plan["digest"], "count": plan["doable"] + 1}).json()["code"] == "wrong_count"
    assert api.call("post", go, {"digest": plan["digest"]}).status_code == 422
    assert api.call("get", f"/plans/{plan['id']}/receipt/").status_code == 409
    done = api.call("post", go, {"digest": plan["digest"], "count": plan["doable"]})
    assert (done.status_code, done.json()["state"], done.json()["done"]) == (200, "done", plan["doable"])
    assert api.call("post", go, {"digest": plan["digest"], "count": plan["doable"]}).status_code == 409
    assert api.call("get", f"/plans/{plan['id']}/receipt/").json()["done"] == plan["doable"]
    first = api.call("get", f"/plans/{plan['id']}/results/?limit=1").json()
    rest = api.call("get", f"/plans/{plan['id']}/results/?after={first['next']}").json()
    assert len(first["results"] + rest["results"]) == plan["total"]
    assert {r["state"] for r in first["results"] + rest["results"]} == {"done"}
    assert b"worker@" in b"".join(api.call("get", f"/plans/{plan['id']}/results.csv").streaming_content)
    assert [p["id"] for p in api.call("get", "/plans/?state=done").json()["plans"]] == [plan["id"]]


def test_callers_may_come_back_for_the_result(world: World) -> None:
    api = Api(world)
    made = api.call("post", "/plans/", {"action": "suspend", "filter": {"role": "member"}, "params": WHY}, Prefer="respond-async")
    assert (made.status_code, made.headers["Preference-Applied"]) == (202, "respond-async")
    plan = api.call("get", made.headers["Location"]).json()
    started = api.call("post", f"/plans/{plan['id']}/execute/", {"digest": plan["digest"], "count": plan["doable"]}, Prefer="respond-async, wait=5")
    assert (started.status_code, started.json()["state"]) == (202, "running")
    bulk_run.run(plan_id=plan["id"], organization_id=world.north.organization.id)
    assert api.call("get", made.headers["Location"]).json()["state"] == "done"


def test_import_and_export(world: World) -> None:
    api = Api(world)
    made = api.call("post", "/people/import/", "email,display_name\r\nnew@example.com,New\r\n", type="text/csv")
    assert (made.status_code, made.json()["action"], made.json()["verdicts"]["create"]) == (201, "import-people", 1)
    assert api.call("post", f"/plans/{made.json()['id']}/execute/", {"digest": made.json()["digest"]}).json()["state"] == "done"
    assert b"new@example.com" in b"".join(api.call("get", "/people.csv").streaming_content)
    assert api.call("post", "/people/import/", b"\xff", type="text/csv").json()["code"] == "bad_file"
    assert api.call("post", "/people/import/", "email\r\na@b.example\r\n").status_code == 415
    odd = api.call("post", "/people/import/", "mail,shoe\r\nodd@example.com,44\r\n", type="text/csv").json()
    assert odd["state"] == "uploaded"
    assert api.call("post", f"/plans/{odd['id']}/columns/", {"columns": ["email"]}).status_code == 422
    assert api.call("post", f"/plans/{odd['id']}/columns/", {"columns": ["email", None]}).json()["state"] == "planned"


def test_a_rate_for_the_organization_too(world: World) -> None:
    api = Api(world)
    answer = api.call("get", "/people/")
    assert answer.headers["RateLimit"].startswith('"token";r=599;t=')
    from datetime import UTC, datetime

    for n in (0, 1):
        cache.set(f"api:organization:{world.north.organization.id}:{int(datetime.now(UTC).timestamp()) // 60 + n}", 6000, 120)
    refused = api.call("get", "/people/")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_without_valkey_nobody_is_kept_out(world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def away(*_args: Any, **_more: Any) -> None:
        raise Away("no")

    monkeypatch.setattr(auth.cache, "count", away)
    with caplog.at_level(logging.WARNING, logger="steward.api"):
        answer = Api(world).call("get", "/people/")
    assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)
    assert "not counted" in caplog.text


def test_tokens_are_shown_once_and_follow_their_owner(world: World) -> None:
    person = world.north.person("people-manager")
    client = client_for(person)
    base = f"/api/v1/orgs/{world.north.slug}"
    made = client.post(f"{base}/tokens/", {"label": "job", "scopes": ["view_people", "manage_access"], "days": 30}, content_type="application/json")
    secret = made.json()["secret"]
    assert secret.startswith("stw_")
    listed = client.get(f"{base}/tokens/").json()["tokens"][0]
    assert secret.startswith(listed["prefix"])
    assert secret not in str(listed)
    headers = {"headers": {"Authorization": f"Bearer {secret}"}}
    assert client.get(f"{base}/", **headers).json()["permissions"] == ["manage_access", "view_people"]
    assert client.get(f"{base}/tokens/").json()["tokens"][0]["last_used_at"] is not None
    arrange(lambda: Membership.objects.filter(id=person.id).update(role=Role.objects.get(organization=world.north.organization, slug="auditor")))
    assert client.get(f"{base}/", **headers).json() | {"rank": 20, "permissions": ["view_people"]} == client.get(f"{base}/", **headers).json(), "a demotion lowers the token at once"
    arrange(lambda: ApiToken.objects.filter(label="job", membership=person).update(expires_at="2026-01-01T00:00:00Z"))
    assert client.get(f"{base}/", **headers).status_code == 401
    assert client.get(f"{base}/tokens/").json()["tokens"][0]["state"] == "expired"


def test_everybodys_tokens_need_the_permission(world: World) -> None:
    admin, member = Api(world), Api(world, "member")
    assert len(admin.call("get", "/tokens/?of=everybody").json()["tokens"]) == 2
    assert member.call("get", "/tokens/?of=everybody").status_code == 404
    assert member.call("post", f"/tokens/{admin.token.id}/actions/revoke-token/", {}).status_code == 404
    assert admin.call("post", f"/tokens/{member.token.id}/actions/revoke-token/", {}).status_code == 200


def test_the_ledger_says_what_was_done_to_oneself_and_nothing_of_others(world: World) -> None:
    api, worker = Api(world), world.north.person("worker")
    api.call("post", f"/people/{worker.id}/actions/update-profile/", {"title": "Boss"})
    api.call("post", f"/people/{world.north.person('guest').id}/actions/update-profile/", {"title": "Guest of honour"})
    api.call("post", f"/people/{worker.id}/actions/restrict/", {"reason_code": "absence", "mode": "read_only", "message": "Till Monday", "private_note": "Between us"})
    number_the_log()
    mine = client_for(worker).get("/api/v1/me/ledger/?limit=1").json()
    more = client_for(worker).get(f"/api/v1/me/ledger/?cursor={mine['next']}").json()
    acts = mine["acts"] + more["acts"]
    assert [a["event"] for a in acts] == ["membership.restricted", "profile.updated"]
    assert (acts[0]["reason_code"], acts[0]["message"]) == ("absence", "Till Monday")
    assert "Between us" not in str(acts)
    assert "Guest" not in str(acts)
    powers = client_for(worker).get("/api/v1/me/powers/").json()["organizations"][0]
    assert (powers["managed"], powers["basis"]) == (True, "created_by_org")
    assert "deactivate" in {p["power"] for p in powers["powers"]}
    guest = client_for(world.north.person("guest")).get("/api/v1/me/powers/").json()["organizations"][0]
    assert "deactivate" not in {p["power"] for p in guest["powers"]}


def test_views_are_ones_own_or_shared(world: World) -> None:
    mine, other = Api(world), Api(world, "auditor")
    made = mine.call("post", "/views/", {"page": "people", "name": "No factor", "query": "mfa=no&cursor=abc", "shared": True, "is_default": True})
    assert (made.status_code, made.json()["query"]) == (201, "mfa=no")
    assert mine.call("post", "/views/", {"page": "people", "name": "no FACTOR"}).json()["code"] == "name_taken"
    assert other.call("get", "/views/").json()["views"][0]["mine"] is False
    assert other.call("post", "/views/", {"page": "people", "name": "For all", "shared": True}).status_code == 403  # sharing is a setting of the organization
    assert other.call("post", "/views/", {"page": "people", "name": " ", "query": ""}).status_code == 422
    assert other.call("delete", f"/views/{made.json()['id']}/").status_code == 404
    assert mine.call("delete", f"/views/{made.json()['id']}/").status_code == 204
    with tenancy.installation("look"):
        assert mine.call("get", "/views/").json()["views"] == []
