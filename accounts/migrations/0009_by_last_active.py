from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """The list's order by activity, those never active included, as one index; the one before could not serve it."""

    atomic = False
    dependencies = [("accounts", "0008_mail_failed")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS membership_by_last_active ON accounts_membership"
            " (organization_id, COALESCE(last_active_at, '0001-01-01 00:00:00+00'::timestamptz), id)",
            reverse_sql="DROP INDEX IF EXISTS membership_by_last_active"),
        RemoveIndexConcurrently("membership", "membership_by_activity"),
    ]
