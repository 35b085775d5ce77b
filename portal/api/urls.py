"""The addresses of the API, version 1, made from the table."""

import re

from django.urls import URLPattern, path, re_path

from portal.api.dispatch import at
from portal.api.operation import Operation
from portal.api.table import by_path

app_name = "api"


def route(address: str) -> str:
    """An address of the table as Django writes it."""
    return re.sub(r"\{(\w+)\}", lambda found: "<slug:slug>" if found[1] == "slug" else f"<uuid:{found[1]}>", address)


def name(operations: list[Operation]) -> str:
    """What an address is called: what reading it is called, else the only act that stands there."""
    return next((o.name for o in operations if o.method == "GET"), operations[0].name)


urlpatterns: list[URLPattern] = [path(route(address), at(found), name=name(found)) for address, found in by_path().items()]
# Most specific first: /people/import/ before anything that would take it for an id is not needed, as ids are UUIDs.
urlpatterns.append(re_path(r"^(?P<rest>.*)$", at([]), name="nothing"))
