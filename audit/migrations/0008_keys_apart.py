import django.contrib.postgres.functions
import django.db.models.functions.datetime
from django.db import migrations, models

from audit import retention_lock


class Migration(migrations.Migration):
    """Keys of people go into a database of their own; here stay their names. `migrate` then moves the keys."""

    dependencies = [
        ('audit', '0007_retention'),
    ]

    operations = [
        migrations.AddField(  # safe: no released version has keys to number; the preview is stopped for this update (docs/operating.md, The keys)
            model_name='subjectkey',
            name='key',
            field=models.UUIDField(db_default=django.contrib.postgres.functions.RandomUUID()),
        ),
        migrations.AlterField(
            model_name='subjectkey',
            name='wrapped',
            field=models.BinaryField(null=True),
        ),
        migrations.AddConstraint(  # safe: one row for each person and log; the preview is stopped for this update
            model_name='subjectkey',
            constraint=models.UniqueConstraint(fields=('key',), name='subject_key_named_once'),
        ),
        migrations.CreateModel(
            name='DoomedKey',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [],
                'constraints': [],
            },
        ),
        migrations.RunSQL(retention_lock.ERASING, reverse_sql=migrations.RunSQL.noop),  # safe: the same functions; erasing also says which key is to be destroyed
    ]
