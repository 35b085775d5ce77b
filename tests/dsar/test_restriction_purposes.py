"""Every way of reading people names its purpose, and none shows what may only be stored."""
from __future__ import annotations

import ast
import io
import uuid
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command
from django.urls import resolve

from accounts import purposes
from portal import reading
from tests.browse import client_for
from tests.cast import World
from tests.dsar.test_restriction import restrict
from tests.laws.test_tenancy import API, PAGES

ROOT = Path(__file__).parent.parent.parent
HIDDEN = {purposes.MARKED, purposes.ACT, purposes.ADMINISTRATION, purposes.EXPORT, purposes.CONTENT, ""}


def test_every_path_names_its_purpose_and_none_is_named_that_is_gone() -> None:
    found = list(reading.paths())
    assert [one for one in found if one[2] not in purposes.PURPOSES] == []
    pages, calls = ({name for kind, name, _purpose in found if kind == wanted} for wanted in ("page", "operation"))
    assert {name for names in reading.PAGES.values() for name in names} == pages
    assert {name for names in reading.OPERATIONS.values() for name in names} <= calls
    assert purposes.PROTECTS <= {name for kind, name, _purpose in found if kind == "power"} | {"revoke-token"}
    out = io.StringIO()
    call_command("purposes", stdout=out)
    assert f"{len(found)} of {len(found)} name a purpose (100 %)" in out.getvalue()


def test_whoever_enters_an_organization_says_what_for() -> None:
    """Jobs, commands and views that set a scope name the purpose there. An installation's own work is named by its reason."""
    silent, seen = [], 0
    for path in (p for package in ("accounts", "audit", "dsar", "portal") for p in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) in {"scope", "set_request_scope"} and path.name != "tenancy.py":
                seen += 1
                silent += [f"{path.relative_to(ROOT)}:{node.lineno}"] if "purpose" not in {word.arg for word in node.keywords} else []
    assert silent == [] and seen > 25


def test_no_page_and_no_operation_shows_what_may_only_be_stored(world: World) -> None:
    """Each that daily administration opens, tried by an owner: the name and the address of a restricted person are in none."""
    north = world.north
    person, client = north.person("worker"), client_for(north.person("owner"))
    restrict(north, now=datetime.now(UTC))
    leaking, tried = [], 0
    for path in [*PAGES, *API]:
        address = path.replace("{hold}", "{other}").format(slug=north.slug, person=person.id, other=uuid.uuid4(), entry=uuid.uuid4())
        match = resolve(address)
        purpose = reading.of_page(match.url_name) if not path.startswith("/api/") else reading.of_operation(match.func.view_initkwargs["operations"][0])
        if purpose in HIDDEN and "/do/" not in path:
            answer, tried = client.get(address), tried + 1
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            leaking += [path] if b"worker@" in body or b"Worker Person" in body else []
    assert leaking == [] and tried > 80
