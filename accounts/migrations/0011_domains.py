import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_lists_without_leaks'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='organization',
            options={'default_permissions': (), 'permissions': [('view_people', 'See the people and what is recorded about them'), ('view_audit', 'See the audit log'), ('invite_people', 'Invite people and cancel invitations'), ('import_people', 'Import and export the people list'), ('require_password_reset', 'Require a password reset'), ('manage_access', 'Restrict, suspend, restore and remove access to the services'), ('deactivate_accounts', 'Deactivate and reactivate managed accounts'), ('manage_domains', 'Add, prove and remove domains'), ('lock_accounts', 'Lock managed accounts down at once'), ('revoke_sessions', 'End sessions'), ('revoke_tokens', 'Revoke API tokens of other people'), ('reset_second_factor', 'Reset the second factor of managed accounts'), ('update_profiles', 'Change profiles'), ('manage_roles', 'Change roles'), ('manage_groups', 'Make groups and decide who is in them'), ('transfer_ownership', 'Transfer ownership'), ('protect_people', 'Decide who may act on protected people'), ('approve_plans', 'Approve what needs a second person'), ('manage_apps', 'Install and remove apps'), ('manage_requests', 'Handle requests of people about their data'), ('manage_holds', 'Place and release legal holds'), ('export_audit', 'Export the audit log'), ('manage_settings', 'Change the settings of the organization')]},
        ),
        migrations.CreateModel(
            name='Domain',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=253)),
                ('state', models.CharField(choices=[('pending_proof', 'Waiting for proof'), ('verified', 'Proven'), ('failing', 'The proof was not found again'), ('contested', 'Contested'), ('lapsed', 'Lapsed'), ('expired', 'Never proven'), ('released', 'Released')], default='pending_proof', max_length=16)),
                ('method', models.CharField(blank=True, choices=[('dns', 'DNS record'), ('https', 'File on the web server')], max_length=8)),
                ('token', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField()),
                ('proof_until', models.DateTimeField(blank=True, null=True)),
                ('verified_at', models.DateTimeField(blank=True, null=True)),
                ('last_proof_at', models.DateTimeField(blank=True, null=True)),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('next_check_at', models.DateTimeField(blank=True, null=True)),
                ('last_problem', models.CharField(blank=True, max_length=60)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('warned', models.PositiveSmallIntegerField(default=0)),
                ('contested_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='domains', to='accounts.organization')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('state__in', ('pending_proof', 'verified', 'failing', 'contested'))), fields=['next_check_at'], name='domain_to_check')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('verified', 'failing'))), fields=('name',), name='domain_held_once'), models.UniqueConstraint(condition=models.Q(('state__in', ('pending_proof', 'verified', 'failing', 'contested'))), fields=('organization', 'name'), name='domain_open_once')],
            },
        ),
    ]
