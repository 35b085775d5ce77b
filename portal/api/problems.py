"""Errors of the API: problem details (RFC 9457), one shape for all, with codes for machines and sentences for people."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse

from accounts import reasons

CONFLICTS = frozenset({"wrong_status", "nothing_to_change", "already_member", "pending_conflict", "too_often", "last_owner", "name_taken", "role_in_use", "group_in_scope", "job_running",
                       "expired", "too_many_views", "address_taken_here", "address_to_free", "address_unmanaged", "change_pending", "no_change_pending", "too_many_links", "mailbox_unconfirmed"})
"""Reasons that lie in the state of things and not in who asks: 409. Everything else that is refused is 403."""
INPUT = frozenset({"wrong_count", "nobody_chosen", "too_many", "unknown_person", "unknown_role", "unknown_group", "unknown_service",
                   "invalid_value", "invalid_name", "not_in_bulk"})
"""Reasons that lie in what was sent: 422."""


class Problem(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        self.status, self.code, self.detail, self.more = status, code, detail, more
        super().__init__(code)


_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Something changed",
    413: "Too large",
    416: "No such part",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests",
}


def body(problem: Problem, request_id: str) -> dict[str, Any]:
    return {
        "type": f"urn:steward:problem:{problem.code}",
        "title": _TITLES.get(problem.status, "Problem"),
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:steward:request:{request_id}",
        "code": problem.code,
        "request_id": request_id,
        **problem.more,
    }


def answer(problem: Problem, request: HttpRequest) -> JsonResponse:
    """The response for a problem."""
    response = JsonResponse(body(problem, getattr(request, "id", "")), status=problem.status, content_type="application/problem+json")
    response._has_been_logged = True  # type: ignore[attr-defined]  (an answer, not a fault)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Steward"'
    if problem.status == 429:
        response.headers["Retry-After"] = str(problem.more.get("retry_after", 60))
    return response


def problem_of(error: Exception) -> Problem | None:
    """Which problem an exception of the domain or of the framework is; None for a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, reasons.NotFound | Http404):
        return Problem(404, "not_found", "There is nothing here, or you may not see it.")
    if isinstance(error, reasons.Refused):
        return _refused(error)
    if isinstance(error, reasons.Stale):
        return Problem(412, "stale", reasons.text("stale"))
    if isinstance(error, reasons.KeyReused):
        return Problem(422, "idempotency_key_reused", "This Idempotency-Key was used for a different request.")
    if isinstance(error, reasons.StepUpNeeded):
        return Problem(403, "step_up", reasons.text("step_up"), tier=error.tier)
    if isinstance(error, SuspiciousOperation | BadRequest):
        return Problem(400, "malformed", "The request is not well formed.")
    return None


def _refused(error: reasons.Refused) -> Problem:
    codes = error.codes
    kind = 409 if set(codes) <= CONFLICTS else 422 if set(codes) <= INPUT else 403
    return Problem(kind, codes[0], " ".join(reasons.text(code) for code in codes), codes=codes, targets=error.reasons)
