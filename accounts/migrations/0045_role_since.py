import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from accounts import listing


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0040_permissions_of_retention'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='role_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now),
        ),
        migrations.RunSQL(listing.ROLE_SINCE, reverse_sql=migrations.RunSQL.noop),  # safe: a column that no earlier version writes, kept by the database itself
    ]
