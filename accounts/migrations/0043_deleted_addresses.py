from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0040_permissions_of_retention'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='tombstone',
            index=models.Index(fields=['address_hash'], name='tombstone_by_address'),
        ),
    ]
