from django.db import migrations

from accounts import listing


class Migration(migrations.Migration):
    """The people list's columns and search tokens, kept by triggers."""

    dependencies = [("accounts", "0001_initial")]
    # safe: part of the first installation; the tables it makes and indexes are new
    operations = [migrations.RunSQL(listing.SQL, reverse_sql="DROP TABLE accounts_searchtoken CASCADE")]
