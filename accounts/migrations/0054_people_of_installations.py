from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0053_account_reported'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='appgrant',
            index=models.Index(fields=['installation', 'account'], name='app_grant_people'),
        ),
    ]
