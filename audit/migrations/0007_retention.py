import django.contrib.postgres.fields
from django.db import migrations, models

from audit import retention_lock


class Migration(migrations.Migration):
    """How long the log is kept, what holds it, and what of it may go."""

    dependencies = [
        ('audit', '0006_streams'),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('org', models.UUIDField()),
                ('retention', models.CharField(max_length=10)),
                ('since', models.DateTimeField()),
                ('agreed_by', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['org', 'since'], name='policy_changes_of_log')],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('org', models.UUIDField()),
                ('kind', models.CharField(max_length=10)),
                ('subject', models.UUIDField(null=True)),
                ('first_day', models.DateField(null=True)),
                ('last_day', models.DateField(null=True)),
                ('matter', models.CharField(max_length=200)),
                ('ground', models.TextField()),
                ('since', models.DateTimeField()),
                ('by', models.UUIDField(null=True)),
                ('released_at', models.DateTimeField(null=True)),
                ('released_by', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['org', 'since'], name='hold_of_log')],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='Pruned',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('org', models.UUIDField()),
                ('first', models.BigIntegerField()),
                ('last', models.BigIntegerField()),
                ('root', models.BinaryField(max_length=32)),
                ('entry', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('swept', models.BooleanField(default=False)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('org', 'first'), name='pruned_once')],
                'indexes': [],
            },
        ),
        migrations.CreateModel(
            name='Withheld',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('org', models.UUIDField()),
                ('kind', models.CharField(max_length=10)),
                ('subject', models.UUIDField(null=True)),
                ('first', models.BigIntegerField(null=True)),
                ('last', models.BigIntegerField(null=True)),
                ('openings', models.BigIntegerField()),
                ('ground', models.CharField(max_length=200)),
                ('entry', models.UUIDField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['org', 'kind', 'subject'], name='withheld_of_subject')],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='ErasureWaiting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('org', models.UUIDField()),
                ('subject', models.UUIDField()),
                ('ground', models.CharField(max_length=200)),
                ('asked_by', models.UUIDField(null=True)),
                ('since', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('org', 'subject'), name='erasure_waits_once')],
                'indexes': [],
            },
        ),
        migrations.CreateModel(
            name='Swept',
            fields=[
                ('org', models.UUIDField(primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField()),
                ('held', models.BooleanField(default=False)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='Bounds',
            fields=[
                ('id', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('floor_years', models.PositiveSmallIntegerField()),
                ('ceiling_years', models.PositiveSmallIntegerField()),
                ('address_days', models.PositiveIntegerField()),
                ('seen_at', models.DateTimeField()),
                ('trusted_since', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [],
                'constraints': [],
            },
        ),
        migrations.RunSQL(  # safe: new tables and functions; the triggers of leaves and targets allow what was never done before, and nothing else
            retention_lock.SQL, reverse_sql=migrations.RunSQL.noop),
    ]
