"""PostgreSQL or Valkey is away: a plain answer with the right status, and everything works again when it is back."""
from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import Client

from tests.browse import client_for
from tests.cast import World


@pytest.fixture
def away(world: World) -> Iterator[World]:
    """The serving connections lead nowhere."""
    before = {alias: dict(connections[alias].settings_dict) for alias in ("default", "refusals")}
    for alias in before:
        connections[alias].close()
        connections[alias].settings_dict.update(HOST="/nonexistent", PORT="1")
    yield world
    for alias, values in before.items():
        connections[alias].close()
        connections[alias].settings_dict.update(values)


@pytest.mark.parametrize("path", ["/sign-in/", "/", "/me/"])
def test_pages_say_that_it_passes(away: World, path: str) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["steward"] = "x" * 32
    answer = client.get(path)
    if path != "/sign-in/" or answer.status_code != 200:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "Nothing was done" in answer.content.decode()
        assert "Traceback" not in answer.content.decode()


def test_the_api_answers_with_a_problem(away: World) -> None:
    answer = Client(raise_request_exception=False).get("/api/v1/me/", headers={"Authorization": "Bearer stw_abcdefghij_" + "x" * 43})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(answer.content)["status"] == 503
    assert answer.headers["Retry-After"] == "10"


def test_it_works_again_afterwards(world: World) -> None:
    client = client_for(world.north.person("owner"))
    before = dict(connections["default"].settings_dict)
    connections["default"].close()
    connections["default"].settings_dict.update(HOST="/nonexistent", PORT="1")
    client.raise_request_exception = False
    assert client.get(f"/o/{world.north.slug}/people/").status_code == 503
    connections["default"].close()
    connections["default"].settings_dict.update(before)
    assert client.get(f"/o/{world.north.slug}/people/").status_code == 200
