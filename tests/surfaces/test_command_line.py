"""`manage.py power`: the same door from a shell; wrong input is one line and a status."""
from __future__ import annotations

import json

import pytest

from accounts import tenancy
from accounts.models import Domain, Membership
from audit.models import Entry
from tests.cast import World
from tests.commands import manage, manage_here


def test_dry_run_then_do(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    call = ["power", "access.suspend", "--org", org.slug, "--as", f"owner@{org.slug}.example", f"Worker@{org.slug}.example", "--set", "reason_code=absence"]
    dry = manage(*call, "--dry-run")
    assert (dry.returncode, "would be done" in dry.stdout) == (0, True), dry.stderr
    with tenancy.installation("look"):
        assert Membership.objects.get(id=person.id).status == "active"
    done = manage(*call)
    assert (done.returncode, done.stdout.startswith("done: access.suspend on 1")) == (0, True), done.stderr
    with tenancy.installation("look"):
        assert Membership.objects.get(id=person.id).status == "suspended"
        assert Entry.objects.filter(org=org.organization.id, record__contains='"via":"cli"').filter(record__contains="membership.suspended").count() == 1
    refused = manage(*call)
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1)


def test_what_concerns_the_whole_organization(world: World) -> None:
    org = world.north
    call = ["--org", org.slug, "--as", f"owner@{org.slug}.example"]
    assert manage_here("power", "add-domain", *call, "--set", "domain=Bücher.de").returncode == 0
    assert "is looked for within seconds" in manage_here("power", "prove-domain", *call, "--set", "domain=BÜCHER.de", "--dry-run").stdout
    with tenancy.installation("look"):
        assert Domain.objects.get(organization=org.organization).name == "xn--bcher-kva.de"
    added = manage_here("power", "add-log-stream", *call, "--json", "--set", "name=SIEM", "--set", "url=https://siem.example.com/in")
    assert json.loads(added.stdout)["secret"].startswith("whsec_"), added.stderr
    assert manage_here("power", "add-domain", *call, "--set", "domain=gmail.com").returncode == 2


@pytest.mark.parametrize("arguments", [
    ["power"], ["power", "add-domain", "--org", "{org}", "--as", "{owner}", "{owner}", "--set", "domain=example.com"], ["power", "no.such", "--org", "{org}", "--as", "{owner}"], ["power", "access.suspend", "--org", "nowhere", "--as", "{owner}", "x@y.example"],
    ["power", "access.suspend", "--org", "{org}", "--as", "nobody@nowhere.example", "x@y.example"], ["power", "access.suspend", "--org", "{org}", "--as", "{owner}", "nobody@nowhere.example", "--set", "reason_code=absence"],
    ["power", "access.suspend", "--org", "{org}", "--as", "{owner}", "{owner}"], ["power", "access.suspend", "--org", "{org}", "--as", "{owner}", "{owner}", "--set", "colour=red"],
    ["power", "access.suspend", "--org", "{org}", "--as", "{owner}", "--set", "reason_code=absence"]])
def test_wrong_input_is_one_line(world: World, arguments: list[str]) -> None:
    names = {"org": world.north.slug, "owner": f"owner@{world.north.slug}.example"}
    done = manage_here(*[a.format(**names) for a in arguments])
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_list() -> None:
    done = manage_here("power", "--list", "--json")
    assert {row["slug"] for row in json.loads(done.stdout)} >= {"suspend", "restore", "lockdown"}
