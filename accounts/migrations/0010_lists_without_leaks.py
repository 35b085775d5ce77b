from django.db import migrations


class Migration(migrations.Migration):
    """Under row-level security PostgreSQL uses an index only for what it knows to be leakproof: GREATEST is, COALESCE is not."""

    atomic = False
    dependencies = [("accounts", "0009_by_last_active")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS membership_by_activity ON accounts_membership"
            " (organization_id, GREATEST(last_active_at, '0001-01-01 00:00:00+00'::timestamptz), id)",
            reverse_sql="DROP INDEX IF EXISTS membership_by_activity"),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS membership_by_last_active", reverse_sql=migrations.RunSQL.noop),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS account_no_person ON accounts_account (id) WHERE kind <> 'person'", reverse_sql="DROP INDEX IF EXISTS account_no_person"),
    ]
