"""Tables with the columns and indexes of our memberships: one bare, and one for each package we compare with.

They live in a schema of their own and are made by `make` in `tests.benchmarks.peers.tables`, never by the product.
"""
from __future__ import annotations

import uuid

import pghistory
from auditlog.registry import auditlog
from django.db import models
from simple_history.models import HistoricalRecords

from accounts.models import Membership


def columns() -> dict[str, models.Field]:
    """The fields of a membership, without constraints to other tables."""
    found: dict[str, models.Field] = {}
    for f in Membership._meta.concrete_fields:
        found[f.name] = models.ForeignKey(f.remote_field.model, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False) if f.is_relation else f.clone()
    return found


def like_membership(name: str, table: str) -> type[models.Model]:
    """A model with those fields on a table of this name."""
    meta = type("Meta", (), {"db_table": table, "app_label": "peers", "default_permissions": (), "managed": False})
    return type(name, (models.Model,), {**columns(), "Meta": meta, "__module__": __name__})


Plain = like_membership("Plain", "peers_plain")
Logged = like_membership("Logged", "peers_logged")
auditlog.register(Logged)
Tracked = pghistory.track(model_name="TrackedEvent", meta={"db_table": "peers_tracked_event"})(like_membership("Tracked", "peers_tracked"))


class Historied(models.Model):
    """django-simple-history looks at the class body, so its fields are added below."""

    history = HistoricalRecords(table_name="peers_historied_history")

    class Meta:
        db_table = "peers_historied"
        managed = False
        default_permissions = ()

    locals().update(columns())


BASES = (Plain, Logged, Tracked, Historied)


class Record(models.Model):
    """A record as one would write it by hand: five indexes, one row for each change."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    org = models.UUIDField()
    actor = models.UUIDField()
    target = models.UUIDField()
    action = models.CharField(max_length=80)
    occurred_at = models.DateTimeField()
    record = models.TextField()

    class Meta:
        db_table = "peers_record"
        default_permissions = ()
        indexes = [models.Index(fields=["org", name, "occurred_at"], name=f"record_by_{name}") for name in ("actor", "target", "action")] + [
            models.Index(fields=["org", "occurred_at"], name="record_by_time")]
