from django.db import migrations, models


class Migration(migrations.Migration):
    """Receivers of a log, and the attempts to deliver to them."""

    dependencies = [("audit", "0005_exports")]

    operations = [
        migrations.CreateModel(
            name='Stream',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('org', models.UUIDField()),
                ('name', models.CharField(max_length=60)),
                ('kind', models.CharField(max_length=10)),
                ('url', models.CharField(blank=True, max_length=500)),
                ('host', models.CharField(blank=True, max_length=260)),
                ('ca', models.TextField(blank=True)),
                ('format', models.CharField(max_length=12)),
                ('ocsf', models.CharField(max_length=10)),
                ('names', models.BooleanField(default=False)),
                ('secret', models.BinaryField(null=True)),
                ('public_key', models.CharField(blank=True, max_length=60)),
                ('old_secret', models.BinaryField(null=True)),
                ('old_until', models.DateTimeField(null=True)),
                ('state', models.CharField(default='active', max_length=10)),
                ('paused_why', models.CharField(blank=True, max_length=10)),
                ('seq', models.BigIntegerField()),
                ('upto', models.BigIntegerField(null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('failing_since', models.DateTimeField(null=True)),
                ('next_try', models.DateTimeField(null=True)),
                ('last_success', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=40)),
                ('last_status', models.PositiveSmallIntegerField(null=True)),
                ('last_error_at', models.DateTimeField(null=True)),
                ('served_at', models.DateTimeField(null=True)),
                ('test_asked_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('org', 'name'), name='stream_name_once')],
            },
        ),
        migrations.CreateModel(
            name='StreamAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stream', models.UUIDField()),
                ('org', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('first', models.BigIntegerField(null=True)),
                ('last', models.BigIntegerField(null=True)),
                ('count', models.PositiveIntegerField()),
                ('code', models.CharField(blank=True, max_length=40)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('took', models.PositiveIntegerField()),
                ('test', models.BooleanField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['stream', '-id'], name='attempts_of_stream')],
            },
        ),
    ]
