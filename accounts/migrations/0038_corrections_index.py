from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0037_corrections'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='valuedispute',
            index=models.Index(condition=models.Q(('back_at__isnull', False)), fields=['back_at'], name='value_dispute_back'),
        ),
    ]
