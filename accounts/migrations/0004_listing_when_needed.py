from django.db import migrations

from accounts import listing


class Migration(migrations.Migration):
    """The triggers of the people list run only for what can change it. Old and new versions work with either."""

    dependencies = [("accounts", "0003_plan_rows_views_kinds")]
    operations = [migrations.RunSQL(listing.ONLY_WHEN_NEEDED, reverse_sql=migrations.RunSQL.noop)]  # safe: the same triggers, called less often
