"""Reading a call strictly: what the table does not name is refused, and nothing is guessed."""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from portal import people_csv
from portal.api import schema
from portal.api.operation import Operation
from portal.api.problems import Problem

BODY_LIMIT = 1024 * 1024
_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


def query(request: HttpRequest, operation: Operation) -> dict[str, Any]:
    """The query parameters, each of its type. Unknown ones, repeated ones and wrong types are refused."""
    known = {p.name: p.schema for p in operation.query}
    wrong: schema.Errors = {}
    found: dict[str, Any] = {}
    for name, values in request.GET.lists():
        if name not in known:
            wrong[_shown(name)] = ["unknown parameter"]
        elif len(values) > 1:
            wrong[name] = ["must be given once"]
        else:
            found[name] = _typed(known[name], values[0])
            wrong |= schema.check(known[name], found[name], name)
    if wrong:
        only_cursor = set(wrong) == {"cursor"}
        raise Problem(
            422,
            "bad_cursor" if only_cursor else "unknown_parameters" if ["unknown parameter"] in wrong.values() else "invalid",
            "The cursor does not belong to this list." if only_cursor else "Some query parameters are not valid.",
            errors=wrong,
        )
    return found


def _shown(name: str) -> str:
    return name[:100].encode("ascii", "backslashreplace").decode()


def _typed(of: schema.Schema, value: str) -> Any:
    if of["type"] == "integer":
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else value
    if of["type"] == "boolean":
        return {"true": True, "false": False}.get(value, value)
    return value


def body(request: HttpRequest, operation: Operation) -> Any:
    """The body: an object that fits the operation's schema, or the bytes of a file."""
    if operation.body is None and operation.takes == "application/json":
        return {}
    raw = _bytes(request, people_csv.BYTES if operation.takes == "text/csv" else _limit(operation))
    if raw and not _fits(request, operation.takes):
        raise Problem(415, "media_type", f"Send {operation.takes} in UTF-8.")
    if operation.takes != "application/json":
        return raw
    assert operation.body is not None
    found = parsed(raw) if raw else {}
    if wrong := schema.check(operation.body, found):
        unknown = all(reasons == ["unknown field"] for reasons in wrong.values())
        raise Problem(422, "unknown_fields" if unknown else "invalid", "These fields are not known here." if unknown else "Some fields are not valid.", errors={_shown(n): w for n, w in wrong.items()})
    return found


def _limit(operation: Operation) -> int:
    """Most bodies are small; a form that takes a file says how large one may be."""
    return getattr(operation.power.form, "BODY", BODY_LIMIT) if operation.power is not None else BODY_LIMIT


def _bytes(request: HttpRequest, most: int) -> bytes:
    if "Transfer-Encoding" in request.headers:
        raise Problem(411, "length_required", "Say how long the body is (Content-Length). Nothing was read.")
    try:
        length = int(request.headers.get("Content-Length") or 0)
        if length <= most and len(request.body) <= most:
            return request.body
    except (ValueError, RequestDataTooBig):
        pass
    raise Problem(413, "too_large", "The file may have at most 5 MB." if most == people_csv.BYTES else f"The body may have at most {most // (1024 * 1024)} MB.")


def _fits(request: HttpRequest, wanted: str) -> bool:
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    return request.content_type == wanted and charset in {"utf-8", "utf8"}


def parsed(raw: bytes) -> dict[str, Any]:
    """A JSON object, as RFC 8259 means it: UTF-8, no NaN, no name twice."""
    try:
        found = json.loads(raw.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed", "The body is not valid JSON.") from error
    if not isinstance(found, dict):
        raise Problem(400, "malformed", "The body must be a JSON object.")
    return found


def _refuse(word: str) -> None:
    raise ValueError(word)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def key(request: HttpRequest, operation: Operation) -> str | None:
    """The Idempotency-Key, where one is honoured."""
    given = request.headers.get("Idempotency-Key")
    if given is None or not operation.keyed:
        return None
    if not _KEY.match(given):
        raise Problem(422, "invalid", "Idempotency-Key has 1 to 200 visible ASCII characters.", errors={"Idempotency-Key": ["does not have the right form"]})
    return given


def tags(request: HttpRequest, operation: Operation, header: str = "If-Match") -> tuple[str, ...]:
    """The ETags of a condition, without quotation marks; () for none or for *. A weak one never matches an act."""
    given = request.headers.get(header, "").strip()
    if not given or given == "*" or not (operation.match or operation.tagged):
        return ()
    found = _TAG.findall(given)
    return tuple(tag.strip('"') if tag.startswith('"') else tag if header == "If-Match" else tag[3:-1] for tag in found) or (given[:100],)


def respond_async(request: HttpRequest) -> bool:
    """Whether the caller would rather come back for the result (RFC 7240)."""
    return any(part.strip().lower() == "respond-async" for part in request.headers.get("Prefer", "").split(","))
