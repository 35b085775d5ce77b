"""Makes the peers' tables in the schema `bench`, filled with a copy of our memberships."""
from __future__ import annotations

import pgtrigger
from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from pghistory.models import Context

from portal.env import APP_ROLE
from tests.benchmarks.peers.models import BASES, Historied, Logged, Record, Tracked

_ROWS = 100_000
"""Enough for indexes of the usual depth; a copy of a million for each peer would only cost disk."""


def make() -> None:
    """Drop and make them anew, so that every run finds the same."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_database()")
        cursor.execute("DROP SCHEMA IF EXISTS bench CASCADE")
        cursor.execute("CREATE SCHEMA bench")
        cursor.execute(f'ALTER DATABASE "{connections["owner"].settings_dict["NAME"]}" SET search_path = public, bench')
        cursor.execute("SET search_path = bench, public")
        for model in BASES:
            cursor.execute(f"CREATE TABLE bench.{model._meta.db_table} (LIKE public.accounts_membership INCLUDING DEFAULTS INCLUDING INDEXES)")
            cursor.execute(f"INSERT INTO bench.{model._meta.db_table} SELECT * FROM public.accounts_membership ORDER BY organization_id LIMIT {_ROWS}")
    ContentType.objects.db_manager("owner").get_for_model(Logged)
    with connections["owner"].schema_editor() as editor:
        for model in (LogEntry, Context, Tracked.pgh_event_model, Historied.history.model, Record):
            editor.create_model(model)
    Context.install_pgh_attach_context_func(using="owner")
    for model, trigger in pgtrigger.registered():
        if model is Tracked:
            trigger.install(Tracked, database="owner")
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA bench TO {APP_ROLE}")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA bench TO {APP_ROLE}")
        cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA bench TO {APP_ROLE}")
        cursor.execute("ANALYZE")
    connections["owner"].close()
    connections["default"].close()
    ContentType.objects.clear_cache()
