"""The data map is complete, against the models and against the database that is there; and each of these tests bites."""
from __future__ import annotations

from dataclasses import replace

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import Account
from dsar.datamap import MAP, checks
from dsar.datamap.kinds import DataMap, Nothing, Subject, Unit, data, none


def live() -> dict[str, set[str]]:
    """Tables and columns of the database itself; months of the log count as the log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
                       " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped")
        found: dict[str, set[str]] = {}
        for table, column in cursor.fetchall():
            found.setdefault(table, set()).add(column)
    return found


def without(table: str) -> DataMap:
    return replace(MAP, units=tuple(u for u in MAP.units if u.table != table), nothing=tuple(n for n in MAP.nothing if n.table != table))


def changed(table: str, **more: object) -> DataMap:
    return replace(MAP, units=tuple(replace(u, **more) if u.table == table else u for u in MAP.units))  # type: ignore[arg-type]


def test_every_model_is_declared_as_the_database_has_it() -> None:
    """What the models say and what the database has is the same, but for what has no model or no table."""
    models, there = checks.of_models(), live()
    assert set(there) - set(models) == checks.NO_MODEL
    assert set(models) - set(there) == set()
    assert {table for table, columns in models.items() if columns != there[table]} == set()


def test_the_database_has_nothing_else() -> None:
    assert list(checks.missing(MAP, live())) == []


@pytest.mark.parametrize("table", [u.table for u in MAP.units])
def test_a_table_or_column_that_is_forgotten_is_found(table: str) -> None:
    assert f"{table} is not declared" in list(checks.missing(without(table), live()))
    unit = MAP.by_table[table]
    last = list(unit.columns)[-1]
    assert list(checks.missing(changed(table, columns={n: c for n, c in unit.columns.items() if n != last}), live())) == [f"{table}.{last} is not declared"]
    assert list(checks.missing(changed(table, columns={**unit.columns, "nowhere": none("does not exist at all, anywhere")}), live())) == [f"{table}.nowhere is declared and does not exist"]


def test_every_word_of_the_map_means_something() -> None:
    assert list(checks.wrong(MAP, live())) == []


@pytest.mark.parametrize(("column", "problem"), [
    (data("user.astrology"), "nobody knows the category 'user.astrology'"), (none("short"), "the reason is too short to be one"), (none(""), "either it has a category, or a reason why it has none"),
    (data("user.name", erase="keep"), "it stays when somebody is erased, without a ground"), (data("user.authorization.credentials"), "a secret is never exported"),
    (none("says nothing about anybody, promised"), "it sounds personal and nobody has looked a second time")])
def test_a_column_that_says_nothing_is_found(column: object, problem: str) -> None:
    table = "accounts_apitoken"
    assert f"{table}.label: {problem}" in list(checks.wrong(changed(table, columns={**MAP.by_table[table].columns, "label": column}), live()))


@pytest.mark.parametrize(("more", "problem"), [
    ({"purpose": "fun"}, "nobody knows 'fun'"), ({"keeping": "for ever"}, "nobody knows 'for ever'"), ({"recipients": ("aunts",)}, "nobody knows 'aunts'"), ({"scope": "tenant"}, "the organization is said to be in tenant, which does not exist"),
    ({"about": (Subject("membership_id -> accounts_membership.owner"),)}, "the way to the person goes through accounts_membership.owner, which does not exist")])
def test_a_table_that_says_nothing_is_found(more: dict[str, object], problem: str) -> None:
    assert f"accounts_apitoken: {problem}" in list(checks.wrong(changed("accounts_apitoken", **more), live()))


def test_rows_and_columns_do_not_contradict_each_other() -> None:
    assert "accounts_apitoken.label: it goes with a row that stays" in list(checks.wrong(changed("accounts_apitoken", erase="change"), live()))
    assert "accounts_apitoken.label: it would be changed in a row that stays as it is" in list(checks.wrong(changed("accounts_apitoken", erase="keep"), live()))


def test_nothing_that_leads_to_a_person_is_called_nobody() -> None:
    """By foreign keys, through any number of tables: what is reached is declared as being about people, or leads only from people to things."""
    reached = checks.leads_to_people(apps.get_models(include_auto_created=True), Account)
    nobody = {one.table for one in MAP.nothing}
    assert reached & nobody == set()
    assert "accounts_groupmembership" in reached and "accounts_planrow" not in reached


def test_a_role_is_stated_for_each_way_to_a_person() -> None:
    """Rows in which somebody only acted are about others too: they are never exported as they are."""
    for unit in MAP.units:
        roles = {subject.role for subject in unit.about}
        if roles and "subject" not in roles and "recipient" not in roles:
            assert not any(column.export == "yes" and column.category == "user.content.private" and name not in {"purpose"} for name, column in unit.columns.items()), unit.table


def test_secrets_are_never_exported() -> None:
    for model in apps.get_app_config("accounts").get_models():
        unit = MAP.by_table.get(model._meta.db_table)
        for name, klass in getattr(model, "AUDIT", {}).items():
            if klass == "secret" and unit is not None:
                assert unit.columns[model._meta.get_field(name).column].export != "yes", (model, name)


def test_what_the_log_calls_personal_is_personal() -> None:
    """An independent oracle: the audit classes of the models, written by others for another reason."""
    for model in apps.get_app_config("accounts").get_models():
        unit = MAP.by_table.get(model._meta.db_table)
        for name, klass in getattr(model, "AUDIT", {}).items():
            if klass == "pii":
                assert unit is not None and unit.columns[model._meta.get_field(name).column].category, (model, name)


def test_manage_py_check_fails_for_a_forgotten_column(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsar import checks as registered

    assert registered.data_map() == []
    monkeypatch.setattr(registered, "MAP", without("accounts_session"))
    assert [error.msg for error in registered.data_map()] == ["accounts_session is not declared"]


def test_tables_about_nobody_have_a_reason() -> None:
    assert "accounts_domain: the reason is too short to be one" in list(checks.wrong(replace(MAP, nothing=(Nothing("accounts_domain", "no"),)), live()))
    twice = replace(MAP, units=(*MAP.units, Unit(table="accounts_domain", title="", about=(), purpose="account", source=(), recipients=(), keeping="account", columns={})))
    assert "accounts_domain is declared twice" in list(checks.wrong(twice, live()))


def dangling(found: DataMap) -> list[str]:
    """References that would lead nowhere: from a row that stays, by a column that keeps its value, to one that is deleted."""
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy}
    goes = {unit.table for unit in found.units if unit.erase == "delete"}
    return [f"{table}.{one.column}" for table, model in models.items() if table not in goes for one in model._meta.local_concrete_fields
            if one.is_relation and one.remote_field.model._meta.db_table in goes and not (table in found.by_table and found.by_table[table].columns[one.column].erase == "null")]


def test_nothing_that_stays_refers_to_what_goes_and_the_database_deletes_nothing_by_itself() -> None:
    """The deletion never relies on a cascade: what goes is declared, row by row (RIGHTS 4b, 8)."""
    assert dangling(MAP) == []
    assert dangling(changed("accounts_mail", erase="delete")) == [] and dangling(changed("accounts_account", erase="delete")), "it finds what it looks for"
    with connection.cursor() as cursor:
        cursor.execute("SELECT conrelid::regclass::text || ' ' || conname FROM pg_constraint WHERE contype = 'f' AND confdeltype NOT IN ('a', 'r')")
        assert cursor.fetchall() == [("accounts_searchtoken accounts_searchtoken_membership_id_fkey",)], "the words of the search, which triggers write and remove with the membership"
