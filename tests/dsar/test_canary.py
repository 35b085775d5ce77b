"""A word of its own in every field of a person: in their copies, and after their deletion nowhere but where the map says why it stays. Nobody else changes by a byte (RIGHTS 4b, 7)."""
from __future__ import annotations

import io
import logging
import os
import subprocess
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from django.conf import settings as live
from django.test import Client

from accounts import outbox, purging, tenancy
from accounts.models import Account, Mail, Membership, Plan, PlanRow
from accounts.models.plan import PlanState
from audit import subscribers
from dsar.datamap import MAP
from dsar.datamap.kinds import Column
from dsar.export import making, run
from dsar.holding import told
from portal.logs import Json
from portal.services.postgres import binaries
from tests.browse import client_for
from tests.cast import World
from tests.deletion.acts import act, warned
from tests.dsar.canaries import BY_ITSELF, Canary, Who, mark, words
from tests.dsar.copies import made, numbered
from tests.situations import arrange

pytestmark = pytest.mark.usefixtures("alone")  # they look at the whole installation
STORES = {store.name: store for store in MAP.stores}


def marked(world: World, letter: str, name: str) -> Who:
    """A member of both organizations, with a word in every field."""
    person, there = world.north.person(name), []
    arrange(lambda: there.append(Membership.objects.create(
        organization=world.contoso.organization, account_id=person.account_id, role=world.contoso.roles["member"], status="active", created_at=datetime.now(UTC))))
    who = Who(letter, Account.objects.get(id=person.account_id), {"x": person, "y": there[0]}, world.north.person("owner"))
    arrange(lambda: mark(who))
    return who


def copied(who: Who, only: UUID | None = None) -> set[str]:
    """The words that stand in a copy of the person: of one organization, or of everything."""
    sink, now = io.BytesIO(), datetime.now(UTC)
    making.make(making.Wanted(copy=uuid4(), account=who.account.id, language="en", asked_at=now, only=only), sink, now=now)
    with zipfile.ZipFile(sink) as archive:
        return {word for name in archive.namelist() for word in words(archive.read(name))}


def theirs(who: Who, *orgs: str) -> set[str]:
    """What the map says is the person's to have."""
    return {word for word, one in who.put.items() if one.org in orgs and told(one.unit) and _told(one.unit.columns[one.column])}


def _told(column: Column) -> bool:
    """With its value. An address in a column that is about others is somebody else's, and is not."""
    return column.export == "yes" or (column.export == "others" and column.category != "user.contact.email")


def kept(one: Canary) -> bool:
    """Whether the map says that this stays, and why."""
    column = one.unit.columns[one.column]
    return one.unit.erase != "delete" and column.erase == "keep" and len(column.ground or column.why) >= 20


def names(found: Iterable[str], *people: Who) -> set[str]:
    put = {word: one for who in people for word, one in who.put.items()}
    return {str(put.get(word, word)) for word in found}


def dumped(*tables: str) -> bytes:
    """Both databases, as `pg_dump` writes them."""
    found = b""
    for alias in ("default",) if tables else ("default", "keys"):
        parts = psycopg.conninfo.conninfo_to_dict(os.environ["STEWARD_TESTS_SUPERUSER"]) | {"dbname": live.DATABASES[alias]["NAME"]}
        command = [str(binaries() / "pg_dump"), "--data-only", *(f"--table={table}" for table in tables), psycopg.conninfo.make_conninfo(**parts)]  # type: ignore[arg-type]
        found += subprocess.run(command, capture_output=True, check=True).stdout
    return found


def of(who: Who, dump: bytes) -> list[bytes]:
    """The rows in which a person, a membership of theirs or a word of theirs stands."""
    marks = [str(number).encode() for number in (who.account.id, *(member.id for member in who.members.values()))]
    return sorted(line for line in dump.splitlines() if any(mark in line for mark in marks) or any(word[1] == who.letter for word in words(line)))


def valkey() -> bytes:
    """Every key, and what is behind it, as Valkey itself writes it down."""
    client = redis.Redis.from_url(live.CACHES["default"]["LOCATION"])
    return b"\n".join(key + b" " + (client.dump(key) or b"") for key in client.scan_iter(count=1000))


def files() -> bytes:
    """Every file in the data folder, but for the database, which is dumped instead."""
    return b"\n".join(str(path).encode() + path.read_bytes() for path in Path(live.DATA).rglob("*") if path.is_file() and not path.is_relative_to(Path(live.DATA) / "postgres"))


def purged(who: Who) -> None:
    person, later = who.members["x"], datetime.now(UTC) + timedelta(days=91)
    warned(person)
    numbered()
    with tenancy.installation("the schedule"):
        assert purging.purge(account_id=who.account.id, now=later)
    numbered()
    with tenancy.installation("mail"):
        subscribers.drain()
        while Mail.objects.filter(account_id=who.account.id, state="due").exists():
            outbox.deliver(now=later + timedelta(minutes=1))
        purging.tidy()


def lived(world: World, p: Who) -> list[str]:
    """Acts, visits and letters, so that every store has something of the person; and plans about them that nobody has carried out. Answers with the words of the acts."""
    person, said = p.members["x"], [f"qpxz{n}said" for n in ("mess", "note", "titl")]
    act(world.north, "suspend", person, message=said[0], private_note=said[1])
    act(world.north, "restore", person, how="reinstate")
    act(world.north, "update-profile", person, title=said[2])
    plan, row = MAP.by_table["accounts_plan"], MAP.by_table["accounts_planrow"]
    for state in PlanState:
        if state not in {PlanState.RUNNING, PlanState.PLANNED}:
            def write(state: PlanState = state) -> None:
                made_ = Plan.objects.create(organization=world.north.organization, power="suspend", requested_by=p.actor.id, requested_via="ui", targets=[person.id], subject=person.id, tier=1, state=state, digest="",
                                            created_at=datetime.now(UTC), expires_at=datetime.now(UTC), data={"message": p.word(plan, "data", "x")}, decision_note=p.word(plan, "decision_note", "x"))
                PlanRow.objects.create(organization=world.north.organization, plan=made_, number=1, target=person.id, data={"name": p.word(row, "data", "x")})
            arrange(write)
    browser = client_for(person)
    assert browser.get("/me/").status_code == 200
    browser.get(f"/me/?q={p.account.email}")
    Client().post("/sign-in/", {"login": p.account.email, "password": "wrong"})
    Client().post("/rights/", {"email": p.account.email})
    numbered()
    with tenancy.installation("mail"):
        subscribers.drain()
        while Mail.objects.filter(account_id=p.account.id, state="due").exists():
            outbox.deliver(now=datetime.now(UTC) + timedelta(minutes=1))
    return said


def test_a_copy_has_all_of_one_person_and_nothing_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    p, b = marked(world, "p", "worker"), marked(world, "b", "guest")
    whole, north = theirs(p, "0", "x", "y"), theirs(p, "0", "x")
    assert len(whole) > len(north) > 60
    got = copied(p)
    assert got == whole, (names(whole - got, p), names(got - whole, p, b))
    got = copied(p, world.north.organization.id)
    assert got == north, (names(north - got, p), names(got - north, p, b))
    got = copied(p, world.contoso.organization.id)
    assert theirs(p, "y") < got and names(got - theirs(p, "y"), p, b) == {"accounts_account.name", "accounts_account.email"}, "of an account that it does not manage, whose it is"
    columns = MAP.by_table["accounts_membership"].columns
    monkeypatch.setitem(columns, "external_id", replace(columns["external_id"], export="no"))  # type: ignore[arg-type]
    assert names(whole - copied(p), p) == {"accounts_membership.external_id"}, "this test bites"


def test_after_a_deletion_nothing_is_left_that_the_map_does_not_keep(world: World, tmp_path: Path) -> None:
    log = logging.FileHandler(tmp_path / "log")
    log.setFormatter(Json())
    logging.getLogger().addHandler(log)
    try:
        p, b = marked(world, "p", "worker"), marked(world, "b", "guest")
        tables = {unit.table for unit in MAP.units if unit.about and not unit.table.startswith("audit_")} - {one.unit.table for one in p.put.values()} - set(BY_ITSELF)
        plain = ("groupmembership", "protection", "dispute", "successor", "membershipsnapshot", "serviceaccess", "dormancy", "signalexclusion")
        assert tables == {"dsar_noticeseen", "dsar_exportconsent", "dsar_holdnotice", *(f"accounts_{name}" for name in plain)}, "numbers, dates and choices only"
        said = lived(world, p)
        copy = made(p.members["x"])
        assert copy.state == "ready"
        before = dumped()
        over = {word for word in set(p.put) - set(words(before)) if not p.put[word].unit.table.startswith("oauth2_provider_")}  # an act that ended access ended these
        assert names(over, p) <= {f"accounts_membership.{name}" for name in ("title", "reason_text", "private_note", "reason_code")}, "the acts wrote over them"
        p.put = {word: one for word, one in p.put.items() if word not in over}
        assert all(word in "".join(path.read_text() for path in live.MAILBOX.iterdir()) for word in said[:1])
        act(world.north, "schedule-deletion", p.members["x"], days=3, message=said[0], private_note=said[1])
        purged(p)
    finally:
        logging.getLogger().removeHandler(log)
    after = dumped()
    left = {word for word in words(after) if word in p.put}
    assert left
    assert names([word for word in left if not kept(p.put[word])], p) == set()
    assert not [word for word in said if word.encode() in after]
    changed = set(of(b, before)) ^ set(of(b, after))
    assert not changed, changed
    assert len(of(b, after)) > 60 and set(b.put) <= set(words(after))
    for name, data in {"cache": valkey(), "queue": valkey(), "logs": (tmp_path / "log").read_bytes(), "mailbox": b"".join(path.read_bytes() for path in live.MAILBOX.iterdir())}.items():
        assert data
        found = {word for word in words(data) if word in p.put} | {word for word in said if word.encode() in data}
        assert bool(found) == STORES[name].stays, (name, names(found, p))
    assert not {word for word in words(files()) if word in p.put}
    assert not list(run.folder().glob(f"{copy.id}*"))


def test_a_field_that_is_forgotten_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deletion without one field of its rules, and the copy of what is then left."""
    p = marked(world, "p", "worker")
    unit = MAP.by_table["dsar_happening"]
    expected = {word for word, one in p.put.items() if one.unit is unit and kept(one)}
    monkeypatch.setitem(unit.columns, "words", replace(unit.columns["words"], erase="keep"))  # type: ignore[arg-type]
    act(world.north, "schedule-deletion", p.members["x"], days=3)
    purged(p)
    left = {word for word in words(dumped("dsar_happening")) if word in p.put}
    assert expected < left and names(left - expected, p) == {"dsar_happening.words"}
