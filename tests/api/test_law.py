"""Laws over the whole table: foreign ids, wrong types, unknown fields, methods, sessions without CSRF token."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.models import Session
from portal.api import reading
from portal.api.docs import example_body
from portal.api.operation import Operation
from portal.api.problems import Problem
from portal.api.table import OPERATIONS, by_path
from tests.api.calls import Api, address, things, untouched
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange

IN_ORGANIZATION = [o for o in OPERATIONS if "{slug}" in o.path]
ACTS = [o for o in OPERATIONS if o.body is not None]


def _each(operations: list[Operation]) -> Iterator[Operation]:
    """One after the other, each with a fresh allowance of requests."""
    assert operations
    for operation in operations:
        cache.clear()
        yield operation


def _send(client: Client, operation: Operation, path: str, body: Any = None, **more: Any) -> Any:
    if operation.method == "GET":
        return client.get(path, **more)
    if operation.takes == "text/csv":
        return client.post(path, body if body is not None else operation.example, content_type="text/csv", **more)
    return getattr(client, operation.method.lower())(path, body if body is not None else example_body(operation) or {}, content_type="application/json", **more)


def _bare(answer: Any) -> dict[str, Any]:
    return {**answer.json(), "request_id": "", "instance": ""}


def test_foreign_organizations_answer_like_none(world: World) -> None:
    """By session and by token: another organization, with its own ids, and one that does not exist."""
    foreign, client, api = world.contoso.person("member"), client_for(world.north.person("owner")), Api(world, "owner")
    ids = {"person_id": foreign.id, "role_id": world.contoso.roles["member"].id}
    none = _bare(_send(client, IN_ORGANIZATION[0], address(IN_ORGANIZATION[0], "no-such-organization")))
    for number, operation in enumerate(_each(IN_ORGANIZATION)):
        for caller, headers in ((client, {}),) if number % 3 else ((client, {}), (api.client, api.headers)):  # both find the organization by the same function
            real = _send(caller, operation, address(operation, world.contoso.slug, ids), **headers)
            assert (real.status_code, _bare(real)) == (404, none), (operation.name, real.content)
        if not number % 8:
            assert _bare(_send(client, operation, address(operation, "no-such-organization"))) == none
    assert untouched(foreign)


def test_foreign_ids_answer_like_none(world: World) -> None:
    """One's own organization with things of another one."""
    api, foreign = Api(world, "owner"), things(world.contoso)
    for operation in _each([o for o in IN_ORGANIZATION if "_id}" in o.path]):
        real = _send(api.client, operation, address(operation, world.north.slug, foreign), **api.headers)
        none = _send(api.client, operation, address(operation, world.north.slug), **api.headers)
        assert (real.status_code, none.status_code, _bare(real)) == (404, 404, _bare(none)), (operation.name, real.content)
    assert untouched(world.contoso.person("member"))


def _wrong(operation: Operation, known: set[str]) -> Iterator[Any]:
    """For the first field, and for each of a name and shape that comes for the first time, values of other types; and a field that is not known."""
    good = example_body(operation) or {}
    assert operation.body is not None
    for number, (name, of) in enumerate(operation.body["properties"].items()):
        kinds = of["type"] if isinstance(of["type"], list) else [of["type"]]
        shape = f"{name} {of}"
        if not number or shape not in known:
            yield {**good, name: 1.5}
        if shape in known:
            continue
        known.add(shape)
        for kind, bad in (("string", 7), ("integer", "7"), ("object", "{}"), ("boolean", "yes"), ("array", "x\x00"), ("", 1.5), ("", {"x": {"y": 1}}) if kinds != ["object"] else ("", None)):
            if kind not in kinds or isinstance(bad, float):
                continue
            yield {**good, name: bad}
        if "string" in kinds:
            yield {**good, name: "bell\x07"}
            yield {**good, name: "\ud800"}
            yield {**good, name: "x" * max(100_001, of.get("maxLength", 0) + 1)}
        if "integer" in kinds:
            yield {**good, name: 2**70}
            yield {**good, name: True}
        if "array" in kinds:
            yield {**good, name: ["\ud800"]}
            yield {**good, name: [{}]}
    yield {**good, "surprise": 1}


def _refused(operation: Operation, request: Any) -> Problem:
    try:
        found = reading.body(request, operation)
    except Problem as problem:
        return problem
    raise AssertionError((operation.name, str(found)[:200]))


def test_wrong_types_and_unknown_fields(world: World) -> None:
    """Every wrong body is refused by what reads bodies; that each operation's bodies are read by it, one wrong body of each shows over the wire."""
    api, client, ids, known, make = Api(world, "owner"), client_for(world.north.person("owner")), things(world.north), set[str](), RequestFactory()
    for number, operation in enumerate(_each(ACTS)):
        headers = {} if operation.who == "session" else api.headers
        path = address(operation, world.north.slug, ids)
        for place, body in enumerate(_wrong(operation, known)):
            refused = _refused(operation, make.post(path, json.dumps(body), content_type="application/json"))
            assert refused.status == 422 and refused.more["errors"], (operation.name, str(body)[:200])
            if not place:
                answer = _send(client, operation, path, body, **headers)
                assert (answer.status_code, answer.json()["errors"]) == (422, refused.more["errors"]), (operation.name, str(body)[:200], answer.content)
        assert _send(client, operation, path + "?surprise=1", **headers).json()["code"] == "unknown_parameters"
        if number % 8:  # what is no JSON at all is read before it is known which operation it is for
            continue
        for raw, status in ((b"{", 400), (b"[1]", 400), (b"\xff", 400), (b"[" * 50_000, 400), (b'{"a":NaN}', 400), (b'{"a":1,"a":2}', 400), (b"x" * (reading._limit(operation) + 1), 413)):
            assert client.post(path, raw, content_type="application/json", **headers).status_code == status, (operation.name, raw[:20])
        assert client.post(path, b"a=b", content_type="application/x-www-form-urlencoded", **headers).status_code == 415
        assert client.post(path, b"{}", content_type="application/json; charset=latin-1", **headers).status_code == 415
    assert untouched(world.north.person("worker"))


def test_wrong_parameters(world: World) -> None:
    api, ids = Api(world, "owner"), things(world.north)
    for operation in _each([o for o in OPERATIONS if o.query]):
        path = address(operation, world.north.slug, ids)
        for name, value in [(p.name, bad) for p in operation.query for bad in ("\x00", "x" * 5000)]:
            answer = api.client.get(path, {name: value}, **api.headers)
            assert answer.status_code == 422, (operation.name, name, value[:10], answer.content)
        assert api.client.get(f"{path}?{operation.query[0].name}=1&{operation.query[0].name}=1", **api.headers).status_code == 422


def test_methods(world: World) -> None:
    """Other methods say which there are; OPTIONS tells them without asking who calls; no other site may read the answer."""
    client = Client()
    for path, found in by_path().items():
        cache.clear()
        where, methods = address(found[0], world.north.slug), {o.method for o in found}
        assert path
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = getattr(client, method.lower())(where)
            assert (answer.status_code, answer.json()["code"]) == (405, "method")
            assert methods <= set(answer.headers["Allow"].split(", "))
        told = client.options(where, headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"})
        assert (told.status_code, told.content) == (204, b"")
        assert not [name for name in told.headers if name.lower().startswith("access-control")]
        assert "Authorization" in told.headers["Vary"]


def test_strangers_and_sessions_without_csrf_token(world: World) -> None:
    strict, ids = client_for(world.north.person("owner"), enforce_csrf_checks=True), things(world.north)
    for operation in _each([o for o in OPERATIONS if o.who != "anybody"]):
        answer = _send(Client(), operation, address(operation, world.north.slug))
        assert (answer.status_code, answer.headers["Content-Type"], answer.headers["WWW-Authenticate"]) == (401, "application/problem+json", 'Bearer realm="Steward"')
        if operation.method != "GET":
            refused = _send(strict, operation, address(operation, world.north.slug, ids))
            assert (refused.status_code, refused.json()["code"]) == (403, "csrf"), operation.name


def test_a_session_that_ended_is_told_so_and_not_sent_elsewhere(world: World) -> None:
    client = client_for(world.north.person("owner"))
    arrange(lambda: Session.objects.filter(account_id=world.north.person("owner").account_id).update(ended_at="2026-01-01T00:00:00Z"))
    answer = client.get("/api/v1/me/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_tokens_do_nothing_that_only_the_person_may(world: World) -> None:
    api, ids = Api(world, "owner"), things(world.north)
    for operation in _each([o for o in OPERATIONS if o.who == "session"]):
        answer = _send(api.client, operation, address(operation, world.north.slug, ids), **api.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "session_only"), operation.name


def test_a_token_without_the_scope(world: World) -> None:
    """What it could not even see is not there; an act on somebody whom it sees is refused."""
    ids, held = things(world.north), world.north.roles["owner"].permissions
    cut = {p: Api(world, "owner", scopes=[h for h in held if h != p]) for p in held}
    for operation in _each([o for o in IN_ORGANIZATION if o.permission]):
        api = cut[operation.permission or ""]
        answer = _send(api.client, operation, address(operation, world.north.slug, ids), **api.headers)
        assert answer.status_code == 404, (operation.name, answer.content)
    for operation in _each([o for o in OPERATIONS if o.power and o.power.over == "member" and o.power.permission and o.name != "invite-person"]):
        api = cut[operation.power.permission or ""]  # type: ignore[union-attr]
        answer = _send(api.client, operation, address(operation, world.north.slug, ids), **api.headers)
        if operation.power.permission == "view_people":  # type: ignore[union-attr]
            assert answer.status_code == 404, (operation.name, answer.content)
            continue
        assert answer.status_code == 403, (operation.name, answer.content)
        assert "no_permission" in answer.json()["codes"]


def test_cursors_of_other_lists(world: World) -> None:
    """Of another organization, another filter, another order; forged, cut, too long. The page just begins anew."""
    api, other = Api(world, "owner"), client_for(world.contoso.person("owner"))
    mine = api.call("get", "/people/?limit=1").json()["next"]
    foreign = other.get(f"/api/v1/orgs/{world.contoso.slug}/people/?limit=1").json()["next"]
    assert api.call("get", f"/people/?limit=3&cursor={mine}").status_code == 200
    wrong = [("", foreign), ("q=a&", mine), ("sort=-name&", mine), ("sort=email&", mine), ("status=active&", mine), ("", "x"), ("", mine[:-1]), ("", "a" * 2001), ("", "%00"), ("", str(uuid.uuid4()))]
    for query, cursor in wrong:
        answer = api.call("get", f"/people/?{query}cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor"), (query, cursor)
    for path in ("/tokens/", "/plans/", "/groups/", "/service-accounts/", "/administrators/", "/api/v1/me/ledger/", "/api/v1/me/notices/"):
        answer = api.call("get", f"{path}?cursor={mine}")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor"), path
    page = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/people/?cursor={foreign}")
    assert page.status_code == 200
