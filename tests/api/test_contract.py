"""The document is true: generated calls for each role get only the answers that it describes."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance

from portal.api import openapi
from portal.api.table import OPERATIONS
from tests.api.calls import Api, things
from tests.browse import client_for
from tests.cast import World

EXAMPLES = int(os.environ.get("STEWARD_CONTRACT_EXAMPLES", "2"))
"""Calls of each operation for each role. More by hand, for example 50."""
ROLES = ("owner", "administrator", "help-desk", "auditor", "member")
CHOSEN = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]


@pytest.mark.parametrize("role", [*ROLES, "session", "nobody"])
def test_every_answer_is_as_described(world: World, role: str) -> None:
    """Server errors, undocumented statuses, other content types and bodies of another shape all fail."""
    ids, headers, seen = things(world.north), _headers(world, role), Counter[int]()
    schema = schemathesis.openapi.from_dict(openapi.document(), config=SchemathesisConfig.from_dict({"generation": {"allow-x00": True, "mode": "all"}}))
    schema.app = _from_here(WSGIHandler())
    for found in schema.get_all_operations():
        operation = found.ok()
        _try(operation, {"slug": world.north.slug, **{name: str(value) for name, value in ids.items()}}, headers, seen)
    assert sum(seen.values()) >= len(OPERATIONS) * EXAMPLES * 0.9
    assert seen[401] if role == "nobody" else seen[200] > 5, seen


def _from_here(app: Any) -> Any:
    """The product as a server would call it: every request comes from somewhere."""
    return lambda environ, start: app(environ | {"REMOTE_ADDR": "127.0.0.1"}, start)


def _headers(world: World, role: str) -> dict[str, str]:
    if role == "nobody":
        return {}
    if role == "session":
        client = client_for(world.north.person("administrator"))
        token = "a" * 32
        return {"steward": client.cookies["steward"].value, "steward-csrf": token, "X-CSRFToken": token}
    return {"Authorization": f"Bearer {Api(world, role).secret}"}


def _try(operation: Any, ids: dict[str, str], headers: dict[str, str], seen: Counter[int]) -> None:
    """A few generated calls, valid and not; ids are usually those of things that exist."""

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate])
    @hypothesis.given(case=operation.as_strategy(), real=hypothesis.strategies.integers(0, 9))
    def one(case: Any, real: int) -> None:
        cache.clear()  # the rate of a person is not what is tried here
        if real:
            case.path_parameters = {name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
        response = case.call(headers={n: v for n, v in headers.items() if not n.startswith("steward")}, cookies={n: v for n, v in headers.items() if n.startswith("steward")})
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHOSEN)

    one()
