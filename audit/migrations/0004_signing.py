from django.db import migrations, models


class Migration(migrations.Migration):
    """What the signer says and with which keys."""

    dependencies = [("audit", "0003_partitions_tiles")]

    operations = [
        migrations.CreateModel(
            name='LogKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('vkey', models.TextField(unique=True)),
                ('type', models.CharField(max_length=10)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('endorsed_by', models.JSONField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='RootCheckpoint',
            fields=[
                ('size', models.BigIntegerField(primary_key=True, serialize=False)),
                ('root', models.BinaryField(max_length=32)),
                ('note', models.TextField()),
                ('text_sha256', models.BinaryField(max_length=32)),
                ('stamp', models.BinaryField(null=True)),
                ('at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='SignerState',
            fields=[
                ('id', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('seen_at', models.DateTimeField(null=True)),
                ('refused', models.TextField(blank=True, db_default='')),
                ('refused_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='SigningRequest',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=10)),
                ('org', models.UUIDField(null=True)),
                ('body', models.JSONField()),
                ('asked_at', models.DateTimeField()),
                ('answer', models.JSONField(null=True)),
                ('error', models.CharField(blank=True, db_default='', max_length=300)),
                ('answered_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='Epoch',
            fields=[
                ('pos', models.BigIntegerField(primary_key=True, serialize=False)),
                ('org', models.UUIDField()),
                ('size', models.BigIntegerField()),
                ('root', models.BinaryField(max_length=32)),
                ('totals', models.BinaryField(max_length=32)),
                ('statement', models.TextField()),
                ('leaf_sha256', models.BinaryField(max_length=32)),
                ('note', models.TextField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['org', 'size'], name='epoch_of_log')],
            },
        ),
        migrations.RunSQL(  # safe: new tables only
            "CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_epoch FOR EACH STATEMENT EXECUTE FUNCTION audit_never();"
            "CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_rootcheckpoint FOR EACH STATEMENT EXECUTE FUNCTION audit_never();"
            "CREATE TRIGGER audit_never BEFORE DELETE OR TRUNCATE ON audit_logkey FOR EACH STATEMENT EXECUTE FUNCTION audit_never();"
            "INSERT INTO audit_signerstate (id) VALUES (1)",
            reverse_sql=migrations.RunSQL.noop),
    ]
