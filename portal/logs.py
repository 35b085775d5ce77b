"""What is written to the log: one JSON object (or one line) per event, with nothing in it that names a person.

Addresses of people and of machines, query strings, single-use links and tokens are masked wherever they appear; an
exception is written as its type, its places in the code and the first line of its text, without quoted values.
"""
from __future__ import annotations

import ipaddress
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from django.http import HttpRequest

from audit.context import current

_ROOT = str(Path(__file__).resolve().parent.parent) + "/"
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:=\[\]{}]+(?:@|%40)[^\s@<>\"'(),;:=\[\]{}]+", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s\"'?]*=[^\s\"']*")
_LINK = re.compile(r"/(invitation|stop|reset|confirm|calendar|acknowledge)/[^\s/\"']+")
_TOKEN = re.compile(r"\bstw_[A-Za-z0-9_-]+|\b(Bearer|Basic)\s+\S+", re.IGNORECASE)
_NUMBERS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*)(?![\w])")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_WORD = re.compile(r"[a-z_][a-z0-9_.]*")
_FRAMES = 12
request_now: ContextVar[HttpRequest | None] = ContextVar("request_now", default=None)


def route_of(request: HttpRequest) -> str:
    """The name of the address that answered: never the path, which can hold names and single-use links."""
    match = getattr(request, "resolver_match", None)
    if match is not None:
        return match.view_name if match.url_name else "unnamed"
    return "static" if request.path.startswith("/static/") else "unmatched"


def mask(text: str) -> str:
    """The text without anything that looks like an address of a person or machine, a query string, a link that carries authority or a token."""
    text = _TOKEN.sub("[token]", text)
    text = _LINK.sub(r"/\1/[link]", text)
    text = _QUERY.sub("?[query]", text)
    text = _ADDRESS.sub("[address]", text)
    return _NUMBERS.sub(_ip, text)


def _ip(found: re.Match[str]) -> str:
    try:
        ipaddress.ip_address(found.group().rstrip("."))
    except ValueError:
        return found.group()
    return "[ip]"


def careful(error: BaseException) -> str:
    """The first line of an exception's text. What it quotes is kept only where it reads like a name in the code."""
    lines = str(error).strip().splitlines()
    first = _QUOTED.sub(lambda m: m.group() if _WORD.fullmatch(m.group(1) or m.group(2) or "") else "'…'", lines[0]) if lines else ""
    return mask(first)[:300]


def _places(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        name = code.co_filename.removeprefix(_ROOT)
        found.append(f"{name.rsplit('site-packages/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found[-_FRAMES:]


def exception(error: BaseException | None) -> list[dict[str, Any]]:
    """An exception and what caused it, newest first."""
    found: list[dict[str, Any]] = []
    while error is not None and len(found) < 5:
        found.append({"type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."), "text": careful(error), "at": _places(error.__traceback__)})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def event(record: logging.LogRecord) -> dict[str, Any]:
    """A log record as the fields we write."""
    fields: dict[str, Any] = {"time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                              "level": record.levelname, "logger": record.name, "message": _message(record)}
    if request_id := current().request_id:
        fields["request_id"] = request_id
    if (request := request_now.get()) is not None:
        fields["route"] = route_of(request)
    fields |= getattr(record, "fields", {})
    if record.exc_info and record.exc_info[1] is not None:
        fields["exception"] = exception(record.exc_info[1])
    return fields


def _message(record: logging.LogRecord) -> str:
    if record.name == "gunicorn.error" and str(record.msg).startswith("Error handling request"):
        return "Error handling request"  # its argument is the whole address
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        text = str(record.msg)
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest):
        text = text.replace(request.get_full_path(), route_of(request)).replace(request.path, route_of(request))
    return mask(text)[:2000]


class Json(logging.Formatter):
    """One JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(event(record), default=lambda value: mask(str(value))).decode()


class Line(logging.Formatter):
    """The same for people's eyes; an exception's places follow, indented."""

    def format(self, record: logging.LogRecord) -> str:
        fields = event(record)
        head = f"{fields.pop('time')} {fields.pop('level')} {fields.pop('logger')} {fields.pop('message')}"
        errors = fields.pop("exception", [])
        lines = [" ".join([head, *(f"{key}={value}" for key, value in fields.items())])]
        for error in errors:
            lines += [f"  {error['type']}: {error['text']}", *(f"    {place}" for place in error["at"])]
        return "\n".join(lines)
