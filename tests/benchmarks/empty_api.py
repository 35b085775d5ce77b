"""The unit that introspection is measured in: a call of our API that knows its caller, counts it, and answers nothing."""
from __future__ import annotations

from typing import Any

from django.urls import path

from portal.api.dispatch import at
from portal.api.operation import Operation
from portal.urls import urlpatterns as product

EMPTY = Operation(name="empty", method="GET", path="orgs/{slug}/empty/", part="Bench", summary="Answer nothing", run=lambda _call: {})
urlpatterns: list[Any] = [path("api/v1/orgs/<slug:slug>/empty/", at((EMPTY,))), *product]
