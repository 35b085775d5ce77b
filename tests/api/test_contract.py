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
ROLES = ("nobody", "member", "auditor", "help-desk", "session", "administrator", "owner")
"""Who may do least comes first: what an owner did may be in the way of the others."""
FEW = ("nobody", "member", "auditor", "help-desk")
"""They are refused nearly everywhere, and a second generated call is refused like the first: they make one of each operation."""
CHOSEN = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]


@pytest.mark.parametrize("half", [0, 1])
def test_every_answer_is_as_described(world: World, half: int) -> None:
    """Server errors, undocumented statuses, other content types and bodies of another shape all fail. Each generated call is made by every role."""
    ids, callers = things(world.north), {role: _headers(world, role) for role in ROLES}
    seen: dict[str, Counter[int]] = {role: Counter() for role in ROLES}
    schema = schemathesis.openapi.from_dict(openapi.document(), config=SchemathesisConfig.from_dict({"generation": {"allow-x00": True, "mode": "all"}}))
    schema.app = _from_here(WSGIHandler())
    operations = list(schema.get_all_operations())
    assert len(operations) == len(OPERATIONS)
    for found in operations[half::2]:
        _try(found.ok(), {"slug": world.north.slug, **{name: str(value) for name, value in ids.items()}}, callers, seen)
    for role in ROLES:
        assert sum(seen[role].values()) >= len(operations[half::2]) * (1 if role in FEW else EXAMPLES) * 0.9
        assert seen[role][401] if role == "nobody" else seen[role][200] > 1, (role, seen[role])


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


def _try(operation: Any, ids: dict[str, str], callers: dict[str, dict[str, str]], seen: dict[str, Counter[int]]) -> None:
    """A few generated calls, valid and not; ids are usually those of things that exist."""
    few = set(FEW)

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate])
    @hypothesis.given(case=operation.as_strategy(), real=hypothesis.strategies.integers(0, 9))
    def one(case: Any, real: int) -> None:
        if real:
            case.path_parameters = {name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
        for role, headers in callers.items():
            if role in FEW and role not in few:
                continue
            few.discard(role)
            cache.clear()  # the rate of a person is not what is tried here
            response = case.call(headers={n: v for n, v in headers.items() if not n.startswith("steward")}, cookies={n: v for n, v in headers.items() if n.startswith("steward")})
            seen[role][response.status_code] += 1
            case.validate_response(response, checks=CHOSEN)

    one()
