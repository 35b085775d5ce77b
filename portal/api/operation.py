"""The operation: a frozen value that says everything about one call of the API. Routing, checks and documents are read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.actor import Actor
from accounts.power import Power
from portal.api.schema import Schema

Who = Literal["anybody", "person", "session", "member"]
"""Who may call: anybody; a token or a session; only a browser session; a member of the organization in the address."""


@dataclass(frozen=True, kw_only=True)
class Param:
    """One query parameter; its value is text in the address and of the schema's type afterwards."""

    name: str
    schema: Schema
    about: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that passed every check of the table: who, with which ids, parameters and body."""

    request: HttpRequest
    actor: Actor
    ids: dict[str, UUID]
    query: dict[str, Any]
    body: Any
    now: datetime
    key: str | None = None
    tags: tuple[str, ...] = ()
    """The ETags of If-Match."""
    respond_async: bool = False

    @property
    def organization_id(self) -> UUID:
        assert self.actor.organization_id is not None
        return self.actor.organization_id

    @property
    def slug(self) -> str:
        return str(self.request.organization.slug)  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call: method and address, who may, what it takes, what it answers."""

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    part: str
    """The chapter of the documentation."""
    summary: str
    run: Callable[[Call], HttpResponseBase | dict[str, Any]]
    who: Who = "member"
    permission: str | None = None
    """Without it the address is not found."""
    about: str = ""
    query: tuple[Param, ...] = ()
    body: Schema | None = None
    takes: str = "application/json"
    gives: str = "application/json"
    answers: dict[int, Schema | None] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    """Problems beside those that every operation of its kind can answer."""
    match: bool = False
    """Whether If-Match is honoured."""
    keyed: bool = False
    """Whether Idempotency-Key is honoured."""
    deferred: bool = False
    """Whether Prefer: respond-async is honoured."""
    tagged: bool = False
    """Whether the answer has an ETag, and If-None-Match is honoured."""
    power: Power | None = None
    example: Any = None
    """A body that works; None makes one from the schema."""
    example_text: str = ""

    @property
    def problems(self) -> tuple[int, ...]:
        """Every status of a problem that this operation can answer."""
        found = {404, 422, 429} if self.who == "anybody" else {401, 403, 404, 422, 429}
        if self.method != "GET":
            found |= {400, 413, 415} if self.body is not None or self.takes != "application/json" else {400}
        if self.match:
            found.add(412)
        return tuple(sorted(found | set(self.refusals)))
