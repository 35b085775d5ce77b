"""One view for every address of the API: who calls, with what, within which rate; and every failure as a problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.actor import Actor
from portal import reading as purposes
from portal.api import auth, reading
from portal.api.operation import Call, Operation
from portal.api.problems import Problem, answer, problem_of
from portal.organization import Moved, moved

View = Callable[..., HttpResponseBase]


class Endpoint(APIView):
    """One address. django-rest-framework finds the method and hands over failures; who may do what is decided by the table and the door."""

    operations: Sequence[Operation] = ()
    authentication_classes = permission_classes = throttle_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who calls and within which rate is asked where the operation is known."""

    def run(self, request: Request, **path: Any) -> HttpResponseBase:
        return _answered(request._request, {operation.method: operation for operation in self.operations}, path)

    get = head = post = put = patch = delete = options = http_method_not_allowed = run

    def handle_exception(self, exc: Exception) -> HttpResponseBase:
        """A problem in words, or for a fault of ours the exception itself, which the last handler answers."""
        problem = problem_of(exc)
        if problem is None:
            raise exc
        return answer(problem, self.request._request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {}

    def finalize_response(self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if response.status_code == 405 or request.method == "OPTIONS":
            methods = [operation.method for operation in self.operations]
            response.headers["Allow"] = ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
        return super().finalize_response(request, _headed(request._request, response), *args, **kwargs)


def at(operations: Sequence[Operation]) -> View:
    """The view of one address, for the operations that stand there."""
    return Endpoint.as_view(operations=tuple(operations))


def _answered(request: HttpRequest, by_method: dict[Any, Operation], path: dict[str, Any]) -> HttpResponseBase:
    if not by_method:
        raise Problem(404, "not_found", "There is nothing here, or you may not see it.")
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    operation = by_method.get("GET" if request.method == "HEAD" else request.method)
    if operation is None:
        raise Problem(405, "method", "This address does not answer that method.")
    slug = path.pop("slug", None)
    try:
        actor = _actor(request, operation, slug)
    except Moved as error:
        return HttpResponse(status=308, headers={"Location": moved(request, error.slug)})
    call = Call(
        request=request,
        actor=actor,
        ids=path,
        now=timezone.now(),
        query=reading.query(request, operation),
        body=reading.body(request, operation),
        key=reading.key(request, operation),
        tags=reading.tags(request, operation),
        respond_async=operation.deferred and reading.respond_async(request),
    )
    found = operation.run(call)
    response = found if isinstance(found, HttpResponseBase) else JsonResponse(found)
    if operation.tagged and response.headers.get("ETag", "").strip('"') in reading.tags(request, operation, "If-None-Match"):
        unchanged = HttpResponse(status=304)
        unchanged.headers["ETag"] = response.headers["ETag"]
        return unchanged
    if call.respond_async and response.status_code == 202:
        response.headers["Preference-Applied"] = "respond-async"
    return response


def _actor(request: HttpRequest, operation: Operation, slug: str | None) -> Actor:
    if operation.who == "anybody":
        auth.limit(request, {"address": auth.address(request)})
        return Actor(kind="anonymous")
    request.purpose = purposes.of_operation(operation)  # type: ignore[attr-defined]
    needs = operation.permission or (operation.power.permission if operation.power is not None else None)
    actor = auth.caller(request, slug=slug, permission=operation.permission, needs=needs)
    if operation.who == "session" and actor.kind != "user":
        raise Problem(403, "session_only", "Only the person themselves can do this, signed in to the portal. A token cannot.")
    return actor


def _headed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """What every answer says: how much of the rate is left, and on what it depends."""
    for name, value in getattr(request, "rate", {}).items():
        response.headers[name] = value
    patch_vary_headers(response, ["Authorization", "Cookie", "Accept-Language"])
    if response.status_code == 204 or response.status_code == 304:
        response.headers.pop("Content-Type", None)
    return response
