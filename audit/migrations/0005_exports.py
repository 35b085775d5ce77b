from django.db import migrations, models


class Migration(migrations.Migration):
    """Exports of a log, and what each organization asks of them."""

    dependencies = [
        ('audit', '0004_signing'),
    ]

    operations = [
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('org', models.UUIDField()),
                ('state', models.CharField(max_length=10)),
                ('requester', models.UUIDField()),
                ('via', models.CharField(max_length=10)),
                ('matter', models.CharField(blank=True, max_length=200)),
                ('purpose', models.CharField(max_length=500)),
                ('wanted', models.JSONField(default=dict)),
                ('since', models.DateField(null=True)),
                ('until', models.DateField(null=True)),
                ('zone', models.CharField(max_length=64)),
                ('shown', models.BooleanField()),
                ('withheld', models.JSONField(default=list)),
                ('reading', models.JSONField(default=list)),
                ('ocsf', models.CharField(max_length=10)),
                ('prefix', models.CharField(max_length=10)),
                ('name', models.CharField(max_length=200)),
                ('asked_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('size', models.BigIntegerField(null=True)),
                ('root', models.BinaryField(max_length=32, null=True)),
                ('epoch', models.BigIntegerField(null=True)),
                ('first', models.BigIntegerField(null=True)),
                ('last', models.BigIntegerField(null=True)),
                ('approved_by', models.JSONField(default=list)),
                ('custody', models.JSONField(default=list)),
                ('next', models.BigIntegerField(default=1)),
                ('matched', models.BigIntegerField(default=0)),
                ('chunks', models.JSONField(default=list)),
                ('counts', models.JSONField(default=dict)),
                ('waiting', models.JSONField(default=dict)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('files', models.JSONField(default=list)),
                ('error', models.CharField(blank=True, max_length=40)),
                ('error_seq', models.BigIntegerField(null=True)),
                ('begun_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['org', '-asked_at'], name='export_newest'), models.Index(condition=models.Q(('state__in', ('asked', 'running'))), fields=['state'], name='export_to_do')],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='ExportPolicy',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('second_person', models.BooleanField(default=False)),
                ('days', models.PositiveSmallIntegerField(default=14)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [],
                'constraints': [],
            },
        ),
    ]
