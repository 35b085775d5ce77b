"""One log line and one measurement for every request: which address, how it ended, how long it took. Never whose it was."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal import metrics
from portal.logs import request_now, route_of

logger = logging.getLogger("steward.request")


class Observed:
    """Stands inside RequestContext, so that the line carries the request's id, and around everything that can answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started, token = time.perf_counter(), request_now.set(request)
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            metrics.observe(route=route_of(request), status=response.status_code, seconds=seconds)
            logger.log(logging.DEBUG if route_of(request) == "static" else logging.INFO, "request",
                       extra={"fields": {"method": request.method, "status": response.status_code, "duration_ms": round(seconds * 1000, 1)}})
        finally:
            request_now.reset(token)
        return response
