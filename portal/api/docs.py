"""The API page: every operation with an example, searchable, made from the same table that checks the calls."""

from __future__ import annotations

import json
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal.api import openapi, schema
from portal.api.operation import Operation
from portal.api.schema import Schema
from portal.api.table import OPERATIONS, PARTS

_ID = "3f0e7f3a-6d0c-4d7e-9d5b-0b6a3f1c2d4e"


def page(request: HttpRequest) -> HttpResponse:
    """All operations, or those that match the words in the filter."""
    q = request.GET.get("q", "")[:100].strip()
    found = [operation for operation in OPERATIONS if _matches(operation, q)]
    parts = [{"name": part, "anchor": part.lower().replace(" ", "-"), "operations": [described(o) for o in found if o.part == part]} for part in PARTS]
    return render(request, "api/index.html", {"parts": [part for part in parts if part["operations"]], "q": q, "count": len(found), "total": len(OPERATIONS), "url": settings.STEWARD_URL})


def _matches(operation: Operation, q: str) -> bool:
    words = f"{operation.name} {operation.method} {operation.path} {operation.part} {operation.summary} {openapi._about(operation)}".lower()
    return all(word in words for word in q.lower().split())


def described(operation: Operation) -> dict[str, Any]:
    """One operation as the page shows it."""
    fields = operation.body["properties"] if operation.body else {}
    status, shape = next(iter(operation.answers.items()))
    return {
        "o": operation,
        "id": operation.name,
        "about": _spoken(openapi._about(operation)),
        "path": f"/api/v1/{operation.path}",
        "curl": curl(operation),
        "parameters": [{"name": p.name, "kind": _kind(p.schema), "about": _spoken(p.about)} for p in operation.query],
        "fields": [
            {"name": name, "kind": _kind(of), "about": _spoken(of.get("description") or of.get("title", "")), "required": name in (operation.body or {}).get("required", [])}
            for name, of in fields.items()
        ],
        "headers": [{"name": name, "about": _spoken(about)} for attribute, (name, _of, about) in openapi._HEADERS.items() if getattr(operation, attribute)],
        "answers": [{"status": s, "text": openapi._OK[s]} for s in operation.answers] + [{"status": s, "text": _spoken(openapi._TOLD[s])} for s in operation.problems],
        "response": f"HTTP {status}" + (f"\n\n{json.dumps(schema.sample(shape), indent=2, ensure_ascii=False)}" if shape is not None else ""),
    }


def _spoken(words: str) -> str:
    """Without the marks that the document uses for names."""
    return str(words).replace("`", "")


def _kind(of: Schema) -> str:
    """A type in words."""
    if "enum" in of:
        shown = ", ".join(str(value) for value in of["enum"] if value is not None)
        return _("one of: %(values)s") % {"values": shown}
    kind = of["type"][0] if isinstance(of["type"], list) else of["type"]
    named = {"string": _("text"), "integer": _("whole number"), "boolean": _("true or false"), "array": _("list"), "object": _("object")}[kind]
    if of.get("format") == "uuid":
        named = _("id")
    return _("%(type)s, at most %(most)d characters") % {"type": named, "most": of["maxLength"]} if kind == "string" and "maxLength" in of else named


def example_body(operation: Operation) -> Any:
    """What the example sends: JSON, a file, or nothing."""
    if operation.example is not None:
        return operation.example
    return schema.sample(operation.body) if operation.body else None


def curl(operation: Operation) -> str:
    """The call as it can be pasted into a shell."""
    path = re.sub(r"\{(\w+)\}", lambda found: "northwind" if found[1] == "slug" else _ID, operation.path)
    lines = [f"curl {settings.STEWARD_URL}/api/v1/{path}"]
    if operation.method != "GET":
        lines[0] = f"curl -X {operation.method} {settings.STEWARD_URL}/api/v1/{path}"
    if operation.who == "session":
        lines += ['--cookie "$COOKIES"', *(['-H "X-CSRFToken: $CSRF"'] if operation.method != "GET" else [])]
    elif operation.who != "anybody":
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if operation.takes == "text/csv":
        lines += ['-H "Content-Type: text/csv"', "--data-binary @people.csv"]
    elif operation.body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(example_body(operation), ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)
