"""The API: tokens, problems, preconditions; the same door as the pages."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import tenancy
from accounts.models import Membership
from audit.models import Entry
from tests.api.calls import Api
from tests.cast import World


def test_read_act_and_repeat(world: World) -> None:
    api, person = Api(world), world.north.person("worker")
    listed = api.call("get", "/people/?q=worker").json()["people"]
    assert [p["id"] for p in listed] == [str(person.id)]
    one = api.call("get", f"/people/{person.id}/")
    path = f"/people/{person.id}/actions/suspend/"
    done = api.call("post", path, {"reason_code": "absence"}, **{"If-Match": one.headers["ETag"], "Idempotency-Key": "abc"})
    assert (done.status_code, done.json()["undo"]) == (200, "restore"), done.content
    again = api.call("post", path, {"reason_code": "absence"}, **{"If-Match": one.headers["ETag"], "Idempotency-Key": "abc"})
    assert (again.status_code, again.json()["repeated"], again.json()["entries"]) == (200, True, done.json()["entries"])
    other = api.call("post", path, {"reason_code": "mistake"}, **{"Idempotency-Key": "abc"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    stale = api.call("post", f"/people/{person.id}/actions/restore/", {"reason_code": "mistake"}, **{"If-Match": one.headers["ETag"]})
    assert (stale.status_code, stale.headers["Content-Type"]) == (412, "application/problem+json")
    with tenancy.installation("look"):
        entry = Entry.objects.get(id=done.json()["entries"][0])
    record = json.loads(entry.record)
    assert (record["actor"]["type"], record["actor"]["token_id"], record["context"]["via"]) == ("api_token", str(api.token.id), "api")


@pytest.mark.parametrize(("body", "status", "code"), [
    ({}, 422, "invalid"), ({"reason_code": "nonsense"}, 422, "invalid"), ({"reason_code": "absence", "surprise": 1}, 422, "unknown_fields"), ({"reason_code": ["absence", {"x": 1}]}, 422, "invalid"),
    ({"reason_code": "absence", "message": "x" * 3000}, 422, "invalid"), ({"reason_code": "absence", "message": "bell\x07"}, 422, "invalid"), ({"reason_code": "absence", "until": "yesterday"}, 422, "invalid"),
    ([1, 2], 400, "malformed"), ("{", 400, "malformed"), (b"\xff\xfe", 400, "malformed"), ("[" * 100_000, 400, "malformed"), ("x" * (1024 * 1024 + 1), 413, "too_large")])
def test_bad_bodies(world: World, body: Any, status: int, code: str) -> None:
    answer = Api(world).call("post", f"/people/{world.north.person('worker').id}/actions/suspend/", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    with tenancy.installation("look"):
        assert Membership.objects.get(id=world.north.person("worker").id).status == "active"


def test_media_types_methods_and_unknown_addresses(world: World) -> None:
    api, path = Api(world), f"/people/{world.north.person('worker').id}/actions/suspend/"
    assert api.client.post(api.base + path, "a=b", content_type="application/x-www-form-urlencoded", headers={"Authorization": f"Bearer {api.secret}"}).status_code == 415
    assert api.call("delete", path).status_code == 405
    assert api.call("get", "/api/v1/nothing/").json()["code"] == "not_found"
    assert api.call("post", f"/people/{world.north.person('worker').id}/actions/no-such-power/", {}).status_code == 404


@pytest.mark.parametrize(("change", "code"), [
    ({"state": "revoked"}, "token_ended"), ({"state": "disabled"}, "token_ended"), ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, "token_ended"), ({"allowed_networks": ["192.0.2.0/24"]}, "token_network")])
def test_tokens_that_do_not_work(world: World, change: dict[str, Any], code: str) -> None:
    answer = Api(world, **change).call("get", "/people/")
    assert (answer.status_code, answer.json()["code"], answer.headers["WWW-Authenticate"]) == (401, code, 'Bearer realm="Steward"')


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer stw_x", "Bearer " + "a" * 5000, "Basic abc", "Bearer stw_aaaaaaaaaa_" + "b" * 43])
def test_strangers(world: World, header: str) -> None:
    answer = Client().get(f"/api/v1/orgs/{world.north.slug}/people/", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401


def test_scopes_and_step_up(world: World) -> None:
    narrow = Api(world, scopes=["view_people"])
    person = world.north.person("worker")
    assert narrow.call("get", "/people/").status_code == 200
    assert narrow.call("post", f"/people/{person.id}/actions/suspend/", {"reason_code": "absence"}).json()["code"] == "no_permission"
    assert narrow.call("get", "/audit/").status_code == 404
    plain = Api(world, sensitive=False)
    answer = plain.call("post", f"/people/{person.id}/actions/remove/", {"reason_code": "absence"})
    assert (answer.status_code, answer.json()["code"], answer.json()["tier"]) == (403, "step_up", 2)


def test_owner_on_owner_becomes_a_plan(world: World) -> None:
    api = Api(world, "owner")
    answer = api.call("post", f"/people/{world.north.person('second-owner').id}/actions/suspend/", {"reason_code": "security_incident"})
    assert answer.status_code == 202
    assert api.call("get", answer.headers["Location"]).json()["state"] == "awaiting_approval"


def test_plans_write_nothing(world: World) -> None:
    api, person = Api(world), world.north.person("worker")
    answer = api.call("post", "/plans/", {"action": "suspend", "targets": [str(person.id)], "params": {"reason_code": "absence"}, "store": False})
    assert answer.json()["targets"][0]["allowed"] is True
    assert len(answer.json()["digest"]) == 64
    assert api.call("post", "/plans/", {"action": "suspend", "targets": ["x"]}).status_code == 422
    assert api.call("post", "/plans/", {"action": "none"}).status_code == 422
    with tenancy.installation("look"):
        assert Membership.objects.get(id=person.id).version == 1


def test_rate_is_limited_and_told(world: World) -> None:
    api = Api(world)
    answers = [api.call("get", "/api/v1/me/") for _ in range(3)]
    assert answers[0].headers["RateLimit-Policy"] == '"token";q=600;w=60, "organization";q=6000;w=60'
    from django.core.cache import cache

    for key in [f"api:token:{api.token.id}:{int(datetime.now(UTC).timestamp()) // 60 + n}" for n in (0, 1)]:
        cache.set(key, 600, 120)
    refused = api.call("get", "/api/v1/me/")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_the_log_can_be_followed(world: World) -> None:
    from audit import sequencer

    api, person = Api(world), world.north.person("worker")
    api.call("post", f"/people/{person.id}/actions/suspend/", {"reason_code": "absence"})
    while sequencer.run_once():
        pass
    first = api.call("get", "/audit/?after=0&limit=1").json()
    rest = api.call("get", f"/audit/?after={first['next']}").json()
    assert [e["seq"] for e in first["entries"] + rest["entries"]] == list(range(1, rest["next"] + 1))
    assert rest["entries"][-1]["disclosed"]["actor.name"] == "Administrator Person"
    assert api.call("get", "/audit/?after=x").status_code == 422
