from django.db import migrations

from audit import lock


class Migration(migrations.Migration):
    """The functions and triggers of the lock. From here on the log is append-only for everybody."""

    dependencies = [("audit", "0001_initial")]
    # safe: part of the first installation; no version runs before the lock exists
    operations = [migrations.RunSQL(lock.FUNCTIONS + lock.TRIGGERS, reverse_sql=migrations.RunSQL.noop)]
