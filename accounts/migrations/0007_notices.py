from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

BEGIN = """
INSERT INTO audit_cursor (name, pos, failures, last_error)
  SELECT 'administrators', max(pos), 0, '' FROM audit_leaf HAVING max(pos) IS NOT NULL ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    """The bell counts unread notices by an index; the new subscriber begins at the end of the log, so that nobody is mailed old news."""

    atomic = False
    dependencies = [("accounts", "0006_people_count"), ("audit", "0002_lock")]
    operations = [
        AddIndexConcurrently("mail", models.Index(fields=["account"], condition=models.Q(read_at=None, entry__isnull=False), name="mail_unread")),
        migrations.RunSQL(BEGIN, reverse_sql=migrations.RunSQL.noop),
    ]
