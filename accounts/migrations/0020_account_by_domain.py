from django.db import migrations


class Migration(migrations.Migration):
    """The accounts of a domain in the order of their ids: a claim goes through them in batches."""

    atomic = False
    dependencies = [("accounts", "0019_claims")]
    operations = [
        migrations.RunSQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS account_by_domain ON accounts_account (split_part(email_key, '@', -1), id)", reverse_sql="DROP INDEX IF EXISTS account_by_domain"),
    ]
