"""Domains: reading how they stand and what proves them. They are added and changed by their actions."""

from __future__ import annotations

from typing import Any

from accounts.models.domain import DomainState
from portal import domains
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, text, thing

DOMAIN = thing(
    {
        "id": shapes.ID,
        "name": text(253, sample="example.com", about="In A-labels (IDNA), lower case."),
        "display_name": text(253, sample="example.com", about="As people write it."),
        "state": choice(*DomainState.values),
        "method": choice("", "dns", "https"),
        "record": text(300, sample="_steward-challenge.example.com", about="The name of the TXT record that proves the domain; empty once the domain is at its end."),
        "value": text(120, sample="steward-domain-verification=…", about="What the record, or a line of the file, must say."),
        "file": text(400, sample="https://example.com/.well-known/…", about="Where the file may be instead."),
        "created_at": shapes.STAMP,
        "proof_until": shapes.MAYBE_STAMP,
        "verified_at": shapes.MAYBE_STAMP,
        "checked_at": shapes.MAYBE_STAMP,
        "next_check_at": shapes.MAYBE_STAMP,
        "problem": text(60, sample="", about="A code, empty when the last check found the proof."),
        "failing_since": shapes.MAYBE_STAMP,
        "contested_at": shapes.MAYBE_STAMP,
        "ended_at": shapes.MAYBE_STAMP,
    }
)
DOMAINS = thing({"domains": many(DOMAIN)})


def listed(call: Call) -> dict[str, Any]:
    """The domains: those that live by name, then those that ended, newest first."""
    return {"domains": [domains.as_json(found) for found in domains.all_of(call.organization_id)]}


def one(call: Call) -> dict[str, Any]:
    """One domain with what proves it."""
    return domains.as_json(domains.one(call.organization_id, call.ids["domain_id"]))


OPERATIONS = (
    Operation(name="domains", method="GET", path="orgs/{slug}/domains/", part="Mail domains", summary="List domains", permission="manage_domains", run=listed, answers={200: DOMAINS}),
    Operation(
        name="domain",
        method="GET",
        path="orgs/{slug}/domains/{domain_id}/",
        part="Mail domains",
        summary="One domain and what proves it",
        permission="manage_domains",
        run=one,
        answers={200: DOMAIN},
    ),
)
