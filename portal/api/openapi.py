"""The OpenAPI 3.1 document, made from the table: what it says is what is checked."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from accounts.permissions import PERMISSIONS
from portal.api import schema, shapes
from portal.api.operation import Operation
from portal.api.schema import Schema
from portal.api.table import PARTS, by_path

_NAMES = {id(found): name for name, found in shapes.NAMED.items()}
_TOLD = {
    400: "The request or its body is not well formed.",
    401: "No token, or one that does not work any more.",
    403: "Refused; `codes` says why.",
    404: "Not there, or not yours to see.",
    409: "The state of things does not allow it; `codes` says why.",
    412: "It changed since you looked.",
    416: "The file has no such part.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "A parameter or field is unknown or not valid; `errors` says which.",
    429: "Too many requests; Retry-After says when to come back.",
}
_OK = {200: "Done.", 201: "Made.", 202: "Accepted; Location says where to look.", 206: "The part that was asked for.", 204: "Gone."}
_HEADERS = {
    "match": ("If-Match", schema.text(300, sample='"3-1-1"'), "The ETag of what is acted on; 412 when it has changed."),
    "keyed": ("Idempotency-Key", schema.text(200, least=1, like=r"^[\x21-\x7e]+$", sample="7b0f3c9e-1"), "The same key with the same body answers the first receipt again, for 24 hours."),
    "deferred": ("Prefer", schema.text(100, sample="respond-async"), "`respond-async`: answer 202 at once, look at Location for the result."),
    "tagged": ("If-None-Match", schema.text(300, sample='"3-1-1"'), "304 when it has not changed."),
}


def _ref(found: Schema) -> Any:
    """The schema with named shapes as references."""
    if id(found) in _NAMES:
        return {"$ref": f"#/components/schemas/{_NAMES[id(found)]}"}
    return _inner(found)


def _inner(found: Schema) -> Schema:
    out: Schema = {}
    for word, value in found.items():
        if word == "properties":
            out[word] = {name: _ref(of) for name, of in value.items()}
        elif word in {"items", "additionalProperties"} and isinstance(value, dict):
            out[word] = _ref(value)
        else:
            out[word] = value
    return out


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "examples": ["northwind"]} if name == "slug" else {"type": "string", "format": "uuid"},
        }
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    found += [{"name": p.name, "in": "query", "required": False, "description": p.about, "schema": _ref(p.schema)} for p in operation.query]
    found += [{"name": name, "in": "header", "required": False, "description": about, "schema": of} for attribute, (name, of, about) in _HEADERS.items() if getattr(operation, attribute)]
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in operation.answers.items():
        content = {operation.gives: {"schema": _ref(shape) if shape is not None else {"type": "string"}}} if status != 204 else {}
        found[str(status)] = {"description": _OK[status], **({"content": content} if content else {})}
    if operation.tagged:
        found["304"] = {"description": "Not changed."}
    for status in operation.problems:
        found[str(status)] = {"description": _TOLD[status], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return found


def _about(operation: Operation) -> str:
    needs = f"Needs the permission `{operation.permission}` ({PERMISSIONS[operation.permission]})." if operation.permission else ""
    if not needs and operation.power is not None and operation.power.permission:
        needs = f"Needs the permission `{operation.power.permission}` ({PERMISSIONS[operation.power.permission]}), and `view_people` to name somebody else."
    session = "Only signed in to the portal; a token is refused." if operation.who == "session" else ""
    return " ".join(part for part in (operation.about, needs, session) if part)


def _one(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.part],
        "summary": operation.summary,
        "description": _about(operation),
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        example = operation.example if operation.example is not None else schema.sample(operation.body)
        found["requestBody"] = {"required": bool(operation.body["required"]), "content": {"application/json": {"schema": _ref(operation.body), "example": example}}}
    elif operation.takes != "application/json":
        found["requestBody"] = {"required": True, "content": {operation.takes: {"schema": {"type": "string"}, "example": operation.example}}}
    found["security"] = [] if operation.who == "anybody" else [{"session": []}] if operation.who == "session" else [{"token": []}, {"session": []}]
    return found


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Steward", "version": "1", "description": "People, what may be done to them, and the record of it. Every act goes through the same door as the pages."},
        "servers": [{"url": "/api/v1"}],
        "tags": [{"name": part} for part in PARTS],
        "paths": {f"/{address}": {operation.method.lower(): _one(operation) for operation in found} for address, found in by_path().items()},
        "components": {
            "schemas": {name: _inner(found) for name, found in shapes.NAMED.items()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token: stw_…"},
                "session": {"type": "apiKey", "in": "cookie", "name": "steward", "description": "Signed in to the portal; acts also need X-CSRFToken."},
            },
        },
    }
