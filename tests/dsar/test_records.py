"""The record of processing says what the map says, for everything in it, in three forms."""
from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html import unescape

import pytest

from accounts.models import Organization
from dsar import records
from dsar.datamap import MAP
from dsar.datamap.kinds import CATEGORIES, RECIPIENTS, SOURCES, data
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange


def test_everything_in_the_map_is_in_the_record() -> None:
    found = records.activities()
    assert {unit.table for one in found for unit in one.units} == {unit.table for unit in MAP.units if any(c.category for c in unit.columns.values())}
    assert {words for one in found for words in one.categories} == {str(words) for words in CATEGORIES.values()}
    for one in found:
        assert one.basis and one.limits and one.categories and one.people and one.transfers


def test_every_recipient_and_source_has_words_for_the_record() -> None:
    assert (set(records._SAID), set(records._CAME)) == (set(RECIPIENTS), set(SOURCES))


def test_page_csv_and_json_say_the_same(world: World) -> None:
    client, base = client_for(world.north.person("privacy-officer")), f"/o/{world.north.slug}/"
    page = unescape(client.get(f"{base}processing/").content.decode())
    found = json.loads(client.get(f"{base}processing.json").content)
    rows = list(csv.DictReader(io.StringIO(client.get(f"{base}processing.csv").content.decode())))
    assert [row["purpose"] for row in rows] == [one["purpose"] for one in found["activities"]]
    assert {row["map"] for row in rows} == {found["map"]} == {records.version()}
    for one in found["activities"]:
        assert one["purpose"] in page and one["legal_basis"] in page and all(limit in page for limit in one["time_limits"])
    assert "attachment" in client.get(f"{base}processing.csv")["Content-Disposition"]


def test_a_cell_is_no_formula(world: World) -> None:
    arrange(lambda: Organization.objects.filter(id=world.north.organization.id).update(name="=1+2"))
    row = next(csv.DictReader(io.StringIO(client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/processing.csv").content.decode())))
    assert row["controller"] == "'=1+2"


@pytest.mark.parametrize(("name", "path", "status"), [("member", "processing/", 404), ("member", "processing.json", 404), ("auditor", "processing/", 200), ("owner", "processing.xml", 404)])
def test_who_reads_it(world: World, name: str, path: str, status: int) -> None:
    assert client_for(world.north.person(name)).get(f"/o/{world.north.slug}/{path}").status_code == status


def test_any_change_of_a_declaration_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = records.version()
    first = MAP.units[0]
    other = replace(MAP, units=(replace(first, columns={**first.columns, "name": data("user.contact.email", erase="pseudonym")}), *MAP.units[1:]))
    monkeypatch.setattr(records, "MAP", other)
    assert records.version.__wrapped__() != before
