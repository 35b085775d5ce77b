"""The one table of operations. Routing, strict reading, the OpenAPI document, the API page and the tests are all made from it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from portal.api import (
    acts,
    addresses,
    apps,
    audit,
    audit_exports,
    audit_streams,
    claims,
    communications,
    content,
    copies,
    domains,
    groups,
    holds,
    me,
    organization_exports,
    people,
    plan_steps,
    plans,
    profile,
    registers,
    relays,
    retention,
    rights,
    scheduled,
    services,
    settings,
    succession,
    tokens,
    transfers,
    views,
    webhooks,
)
from portal.api.operation import Call, Operation
from portal.api.schema import ANYTHING


def document(call: Call) -> dict[str, Any]:
    """This API as an OpenAPI 3.1 document."""
    from portal.api import openapi

    return openapi.document()


OPERATIONS: tuple[Operation, ...] = (
    *people.OPERATIONS,
    *plans.OPERATIONS,
    *plan_steps.OPERATIONS,
    *scheduled.OPERATIONS,
    *groups.OPERATIONS,
    *services.OPERATIONS,
    *tokens.OPERATIONS,
    *audit.OPERATIONS,
    *audit_exports.OPERATIONS,
    *audit_streams.OPERATIONS,
    *webhooks.OPERATIONS,
    *domains.OPERATIONS,
    *apps.OPERATIONS,
    *copies.OPERATIONS,
    *content.OPERATIONS,
    *organization_exports.OPERATIONS,
    *holds.OPERATIONS,
    *communications.OPERATIONS,
    *settings.OPERATIONS,
    *profile.OPERATIONS,
    *rights.OPERATIONS,
    *registers.OPERATIONS,
    *relays.OPERATIONS,
    *retention.OPERATIONS,
    *claims.OPERATIONS,
    *transfers.OPERATIONS,
    *succession.OPERATIONS,
    *addresses.OPERATIONS,
    *views.OPERATIONS,
    *me.OPERATIONS,
    *acts.OPERATIONS,
    Operation(name="openapi", method="GET", path="openapi.json", part="About", summary="This API as an OpenAPI 3.1 document", who="anybody", run=document, answers={200: ANYTHING}),
)
PARTS = ("People", "Plans", "Organization", "Roles", "Groups", "Services", "Webhooks", "Tokens", "Mail domains", "E-mail addresses", "Audit log", "Saved views", "Oneself", "About")


def by_path() -> dict[str, list[Operation]]:
    """The operations of each address."""
    found: dict[str, list[Operation]] = defaultdict(list)
    for operation in OPERATIONS:
        found[operation.path].append(operation)
    return dict(found)
