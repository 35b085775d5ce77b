"""Where an event comes from: request id, route, address. Set once per request or job, read when a record is built."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Context:
    request_id: str = ""
    trace: str = ""
    """W3C trace id, when the caller sent one."""
    client: str = ""
    route: str = ""
    method: str = ""
    via: str = ""
    ip: str = ""
    user_agent: str = ""

    def as_dict(self) -> dict[str, str]:
        """For handing on to a job."""
        return asdict(self)


_current: ContextVar[Context] = ContextVar("audit_context", default=Context())  # noqa: B039 (frozen)


def current() -> Context:
    """The context of the running request or job."""
    return _current.get()


@contextmanager
def within(context: Context) -> Iterator[None]:
    """Everything recorded in this block says it came from `context`."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
