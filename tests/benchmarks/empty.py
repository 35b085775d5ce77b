"""The unit that pages are measured in: a view of plain Django that says "ok" to somebody who is signed in."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware", "tests.benchmarks.empty.Addresses"]


class Addresses:
    """Requests that came through this stack find the one address below."""

    def __init__(self, get_response: object) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = __name__  # type: ignore[attr-defined]
        return self.get_response(request)  # type: ignore[operator, no-any-return]


def ok(request: HttpRequest) -> HttpResponse:
    """Reads the session and the user, and nothing else."""
    if not request.user.is_authenticated:
        raise SystemExit("bench: the empty view was meant for somebody who is signed in")
    return HttpResponse("ok")


urlpatterns = [path("", ok)]


def client_like(other: Client) -> Client:
    """A client with the same session whose requests go through a new Django project's middleware only."""
    client = Client(SERVER_NAME="localhost")
    client.cookies = other.cookies
    with override_settings(MIDDLEWARE=_MIDDLEWARE):
        client.handler.load_middleware()
    return client
