"""What is inside of columns that hold documents (JSON) is declared key by key (RIGHTS 4b, test 2). `tests/plugin_documents.py` looks at all that any test writes; here are the tables, and that it bites."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.db import connection

from accounts import door, tenancy
from accounts.models import Brake, Plan
from accounts.powers import BY_SLUG
from dsar import checks as registered
from dsar.datamap import MAP, checks, documents
from dsar.datamap.documents import DOCUMENTS, By, Key, Keys, Many, leaves, unknown
from dsar.datamap.inputs import INPUTS
from tests import plugin_documents
from tests.cast import World

COLUMNS = {f"{table}.{column}" for table, columns in checks.json_columns().items() for column in columns}


def in_tables() -> set[str]:
    """Keys in any row of any such column that nobody declared, read past the models: also what raw SQL wrote, and other processes."""
    found: set[str] = set()
    with tenancy.installation("a test looks into every table"), connection.cursor() as cursor:
        for name in COLUMNS:
            table, _dot, column = name.partition(".")
            cursor.execute(f'SELECT DISTINCT "{column}"::text FROM "{table}" WHERE "{column}" IS NOT NULL')
            for (text,) in cursor.fetchall():
                value = orjson.loads(text)
                found.update(unknown(DOCUMENTS[name], orjson.loads(value) if isinstance(value, str) and value[:1] in "[{" else value, name))
    return found


def test_what_is_in_the_tables_is_declared(world: World) -> None:
    """Whatever tests before this one left, and what the brake counts by SQL of its own."""
    north = world.north
    with tenancy.scope(org=north.organization.id, account=north.person("administrator").account_id):
        door.perform(power=BY_SLUG["suspend"], actor=north.actor("administrator"), ids=[north.person("worker").id], data={"reason_code": "security"}, now=datetime.now(UTC))
    assert in_tables() == set()
    with tenancy.installation("a test looks"):
        assert Brake.objects.filter(organization_id=north.organization.id).exclude(hits={}).exists()


def said(monkeypatch: pytest.MonkeyPatch, found: Mapping[str, Any], *, map_: Any = MAP) -> list[str]:
    monkeypatch.setattr(documents, "DOCUMENTS", found)
    monkeypatch.setattr(registered, "MAP", map_)
    return [error.msg for error in registered.documents_in_columns()]


def test_manage_py_check_asks_for_every_document(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, DOCUMENTS) == []
    for name in sorted(COLUMNS):
        assert said(monkeypatch, {key: schema for key, schema in DOCUMENTS.items() if key != name}) == [f"{name} holds a document, and nobody says what is in it"]
    assert said(monkeypatch, {**DOCUMENTS, "accounts_plan.nowhere": Key("is not there")}) == ["accounts_plan.nowhere has a declared document and does not exist"]
    assert said(monkeypatch, {**DOCUMENTS, "dsar_case.plan": Keys({"right": Key("x")})}) == ["dsar_case.plan.right: the meaning is too short to be one"]
    assert said(monkeypatch, {**DOCUMENTS, "audit_export.files": Many(Keys({"by": Key("who made the file", "actor")}))}) == [
        "audit_export.files is declared to be about nobody, and audit_export.files.by is about somebody"]
    monkeypatch.setattr(documents, "INPUTS", {name: whom for name, whom in INPUTS.items() if name != "agent_email"} | {"horoscope": "subject"})
    assert said(monkeypatch, DOCUMENTS) == ["the form field 'agent_email' is in stored plans, and nobody says whom it is about", "the form field 'horoscope' is declared and in no form"]


def test_a_document_about_people_is_in_no_table_about_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    units = tuple(replace(unit, columns={**unit.columns, "facts": replace(unit.columns["facts"], category="", why="how the software does its work")}) if unit.table == "dsar_happening" else unit for unit in MAP.units)
    there = replace(MAP, units=units, by_table={unit.table: unit for unit in units})
    assert said(monkeypatch, DOCUMENTS, map_=there)[0].startswith("dsar_happening.facts is declared to be about nobody, and dsar_happening.facts.channel")


@pytest.mark.parametrize(("schema", "value", "found"), [
    (Keys({"a": Key("one value")}), {"a": 1, "b": 2}, ["t.c.b"]),
    (Keys({"a": Key("one value")}), {"a": {"deep": 1}}, ["t.c.a.deep"]),
    (Keys({"a": Key("several values")}), {"a": [1, {"deep": 1}]}, ["t.c.a.deep"]),
    (Keys({"a": Key("one value")}), ["a"], ["t.c (keys are declared, and it has none)"]),
    (Many(Keys({"a": Key("one value")})), [{"a": 1}, {"b": 1}], ["t.c.b"]),
    (Many(Keys({})), {"a": 1}, ["t.c (several are declared, and it is one)"]),
    (By(r"\d+", "a number", Key("how many")), {"1": 2, "one": 2}, ["t.c.one"]),
    (Key("one value"), None, [])])
def test_a_key_that_nobody_knows_is_found_at_every_depth(schema: documents.Schema, value: object, found: list[str]) -> None:
    assert list(unknown(schema, value, "t.c")) == found


def test_a_test_that_writes_an_unknown_key_fails(world: World) -> None:
    """By the model and by `update`, whatever becomes of it afterwards."""
    with tenancy.installation("a test writes what nobody knows"):
        row = Plan(data={"horoscope": "Leo"})
        row._meta.get_field("data").get_db_prep_save(row.data, connection)
        Plan.objects.filter(power="none").update(summary={"rising_sign": 1})
    assert sorted(plugin_documents._found) == ["accounts_plan.data.horoscope", "accounts_plan.summary.rising_sign"]
    plugin_documents._found.clear()


def test_every_key_says_whom_it_is_about() -> None:
    assert {key.about for name, schema in DOCUMENTS.items() for _path, key in leaves(schema, name)} == {"nobody", "subject", "actor", "others"}
