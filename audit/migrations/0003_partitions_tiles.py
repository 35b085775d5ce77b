from typing import Any

from django.db import migrations, models

from audit import lock, partitions, tiles


def _tiles(_apps: object, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        tiles.complete(cursor)


class Migration(migrations.Migration):
    """Months for the records, tiles for the tree, and what searches need of more kinds of entries."""

    dependencies = [("audit", "0002_lock")]

    operations = [
        migrations.CreateModel(
            name="Policy",
            fields=[("org", models.UUIDField(primary_key=True, serialize=False)), ("retention", models.CharField(max_length=10))],
            options={"abstract": False, "default_permissions": ("view",)},
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("org", models.UUIDField()),
                ("level", models.PositiveSmallIntegerField()),
                ("n", models.BigIntegerField()),
                ("hashes", models.BinaryField()),
            ],
            options={"abstract": False, "default_permissions": ("view",), "constraints": [models.UniqueConstraint(fields=("org", "level", "n"), name="tile_once")]},
        ),
        migrations.AddField("opening", "written", models.BooleanField(db_default=False)),
        migrations.AddField("pending", "occurred_at", models.DateTimeField(null=True)),
        migrations.AddField("leaf", "occurred_at", models.DateTimeField(null=True)),
        migrations.AddField("leaf", "acted_as", models.UUIDField(null=True)),
        migrations.AddField("leaf", "token", models.UUIDField(null=True)),
        migrations.AddField("leaf", "plan", models.UUIDField(null=True)),
        migrations.AddField("leaf", "ticket", models.TextField(null=True)),
        migrations.AddField("leaf", "matter", models.TextField(null=True)),
        # safe: the new columns are empty, so these partial indexes are built over nothing; a log of millions waits some seconds
        migrations.AddIndex("leaf", models.Index(condition=models.Q(("acted_as__isnull", False)), fields=["org", "acted_as", "seq"], name="leaf_by_acted_as")),
        # safe: built over nothing, as the one above
        migrations.AddIndex("leaf", models.Index(condition=models.Q(("token__isnull", False)), fields=["org", "token", "seq"], name="leaf_by_token")),
        # safe: built over nothing, as the one above
        migrations.AddIndex("leaf", models.Index(condition=models.Q(("plan__isnull", False)), fields=["org", "plan", "seq"], name="leaf_by_plan")),
        # safe: built over nothing, as the one above
        migrations.AddIndex("leaf", models.Index(condition=models.Q(("ticket__isnull", False)), fields=["org", "ticket", "seq"], name="leaf_by_ticket")),
        # safe: built over nothing, as the one above
        migrations.AddIndex("leaf", models.Index(condition=models.Q(("matter__isnull", False)), fields=["org", "matter", "seq"], name="leaf_by_matter")),
        migrations.SeparateDatabaseAndState(  # safe: writes wait while the table becomes a partition, some seconds for millions of records; the version before writes through the same name
            database_operations=[migrations.RunSQL(lock.FUNCTIONS + partitions.SQL + partitions.CUT, reverse_sql=migrations.RunSQL.noop)],
            state_operations=[migrations.AddField("entry", "retention", models.CharField(db_default="y7", max_length=10))],
        ),
        migrations.RunPython(_tiles, migrations.RunPython.noop),  # safe: reads 32 bytes for each entry, a second for every hundred thousand; the version before writes no tiles and is to be stopped
    ]
