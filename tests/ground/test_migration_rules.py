"""Migrations run under the feet of the version before them: what would break it is found, and ours break nothing."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.migration import Migration
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.functions import Now

from portal.migration_rules import findings, judge

ROOT = Path(__file__).resolve().parents[2]


def state() -> ProjectState:
    found = ProjectState()
    found.add_model(ModelState("shop", "Thing", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=50)), ("note", models.TextField(null=True)),
                                                 ("size", models.IntegerField(db_default=0))]))
    return found


def of(operation: object, source: str = "operations = [x()]") -> list[str]:
    migration = Migration("0009_test", "shop")
    migration.operations = [operation]
    return [finding.why for finding in judge(migration, state(), source)]


def test_ours_break_nothing() -> None:
    assert [str(finding) for finding in findings()] == []
    done = subprocess.run([sys.executable, "manage.py", "check_migrations"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize(("operation", "words"), [
    (migrations.RemoveField("thing", "name"), "still reads and writes"),
    (migrations.DeleteModel("thing"), "still reads and writes"),
    (migrations.RenameField("thing", "name", "title"), "old name"),
    (migrations.RenameModel("thing", "object"), "old name"),
    (migrations.AlterModelTable("thing", "shop_things"), "old name"),
    (migrations.AddField("thing", "kind", models.CharField(max_length=5, default="a")), "db_default"),
    (migrations.AddField("thing", "kind", models.UUIDField(db_default=models.Func(function="gen_random_uuid"))), "rewrites"),
    (migrations.AddField("thing", "kind", models.CharField(max_length=5, null=True, db_index=True)), "index"),
    (migrations.AddField("thing", "kind", models.CharField(max_length=5, null=True, unique=True)), "index"),
    (migrations.AlterField("thing", "name", models.CharField(max_length=40)), "too narrow"),
    (migrations.AlterField("thing", "name", models.IntegerField()), "its type"),
    (migrations.AlterField("thing", "size", models.BigIntegerField(db_default=0)), "its type"),
    (migrations.AlterField("thing", "size", models.IntegerField(default=0)), "to its default"),
    (migrations.AlterField("thing", "note", models.TextField()), "nulls"),
    (migrations.AlterField("thing", "name", models.CharField(max_length=50, unique=True)), "index"),
    (migrations.AlterField("thing", "name", models.CharField(max_length=50, db_column="title")), "column"),
    (migrations.AddIndex("thing", models.Index(fields=["name"], name="by_name")), "AddIndexConcurrently"),
    (migrations.AddConstraint("thing", models.CheckConstraint(condition=models.Q(size__gt=0), name="positive")), "every row"),
    (migrations.AlterUniqueTogether("thing", {("name", "size")}), "index"),
    (migrations.RunPython(lambda apps, editor: None), "large table"),
    (migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("thing", "name")]), "still reads"),
    (migrations.RunSQL("DROP TABLE shop_thing"), "drops"), (migrations.RunSQL("ALTER TABLE shop_thing DROP COLUMN name"), "drops"),
    (migrations.RunSQL("ALTER TABLE shop_thing ALTER COLUMN name TYPE text"), "type"), (migrations.RunSQL("ALTER TABLE shop_thing ALTER name SET DATA TYPE text"), "type"),
    (migrations.RunSQL("ALTER TYPE mood RENAME VALUE 'a' TO 'b'"), "renames"), (migrations.RunSQL("ALTER TABLE shop_thing RENAME TO things"), "renames"),
    (migrations.RunSQL("ALTER TABLE shop_thing ALTER note SET NOT NULL"), "refuses rows"), (migrations.RunSQL("TRUNCATE shop_thing"), "removes rows"),
    (migrations.RunSQL("CREATE INDEX a ON shop_thing (name)"), "CONCURRENTLY"), (migrations.RunSQL("CREATE UNIQUE INDEX a ON shop_thing (name)"), "CONCURRENTLY"),
    (migrations.RunSQL("ALTER TABLE shop_thing ADD CONSTRAINT c CHECK (size > 0)"), "NOT VALID"), (migrations.RunSQL("LOCK TABLE shop_thing"), "locks"),
    (migrations.RunSQL(["SELECT 1", ("UPDATE shop_thing SET size = %s", [1])]), "batches"), (migrations.RunSQL("/* quick */ DELETE FROM shop_thing"), "batches")])
def test_what_would_break_the_running_version_is_found(operation: object, words: str) -> None:
    found = of(operation)
    assert any(words in why for why in found), found


@pytest.mark.parametrize("operation", [
    migrations.AddField("thing", "kind", models.CharField(max_length=5, default="a", db_default="a")), migrations.AddField("thing", "at", models.DateTimeField(null=True)),
    migrations.AddField("thing", "at", models.DateTimeField(db_default=Now())), migrations.AlterField("thing", "name", models.CharField(max_length=80)), migrations.AlterField("thing", "name", models.TextField()),
    migrations.AlterField("thing", "name", models.CharField(max_length=50, null=True)), migrations.AlterField("thing", "name", models.CharField(max_length=50, choices=[("a", "A")])),
    migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True)), ("thing", models.ForeignKey("shop.Thing", models.CASCADE))]),
    AddIndexConcurrently("thing", models.Index(fields=["name"], name="by_name")), migrations.RunSQL("CREATE INDEX CONCURRENTLY a ON shop_thing (name)"),
    migrations.RunSQL("ALTER TABLE shop_thing ADD CONSTRAINT c CHECK (size > 0) NOT VALID"), migrations.RunSQL("ALTER TABLE shop_thing ALTER note DROP NOT NULL"),
    migrations.RunSQL("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop_thing; RETURN NULL; END $$")])
def test_what_the_running_version_need_not_know_is_left_alone(operation: object) -> None:
    assert of(operation) == []


def test_an_index_on_a_table_of_the_same_migration_is_left_alone() -> None:
    migration = Migration("0009_test", "shop")
    migration.operations = [migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]), migrations.AddIndex("other", models.Index(fields=["name"], name="other_name"))]
    assert judge(migration, state(), "operations = [a(), b()]") == []


def test_a_mark_with_a_reason_lets_its_own_operation_pass() -> None:
    migration = Migration("0009_test", "shop")
    migration.operations = [migrations.RemoveField("thing", "name"), migrations.RemoveField("thing", "note")]
    marked = "operations = [\n    # safe: nothing has read it since 0.3\n    RemoveField('thing', 'name'),\n    RemoveField(\n        'thing', 'note'),\n]\n"
    assert [finding.operation for finding in judge(migration, state(), marked)] == ["Remove field note from thing"]
    assert len(judge(migration, state(), marked.replace("nothing has read it since 0.3", ""))) == 2


def test_the_older_version_can_still_insert() -> None:
    """Every column that a later migration added and that must not be empty has a default in the database itself."""
    from django.apps import apps
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    old = MigrationLoader(None, replace_migrations=False).project_state([("accounts", "0002_listing"), ("audit", "0002_lock")]).apps
    with connection.cursor() as cursor:
        for model in old.get_models():
            if model._meta.app_label not in {"accounts", "audit"}:
                continue
            known = {field.column for field in model._meta.local_fields}
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND NOT column_name = ANY(%s)"
                           " AND is_identity = 'NO'", [model._meta.db_table, list(known)])
            live = {field.column for current in apps.get_models() if current._meta.db_table == model._meta.db_table for field in current._meta.local_fields}
            assert {row[0] for row in cursor.fetchall()} & live == set(), model


def test_new_installations_get_what_the_others_have() -> None:
    """The migrations that make everything at once end where the long way ends: the same tables, fields, indexes and constraints."""
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader

    short, long = MigrationLoader(None), MigrationLoader(None, replace_migrations=False)
    squashed = {node for node, migration in short.disk_migrations.items() if migration.replaces}
    assert {app for app, _name in squashed} == {"accounts", "dsar"} and squashed <= set(short.graph.nodes)
    # those that replace others are no part of the long way
    state = long.project_state([node for node in long.graph.nodes if node not in squashed and not set(long.graph.node_map[node].children) - {long.graph.node_map[one] for one in squashed}])
    assert not MigrationAutodetector(short.project_state(), state).changes(graph=short.graph)
    assert not MigrationAutodetector(state, short.project_state()).changes(graph=short.graph)
