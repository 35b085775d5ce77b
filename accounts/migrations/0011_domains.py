import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_lists_without_leaks'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='organization',
            options={'default_permissions': (), 'permissions': [('view_people', 'See the people and what is recorded about them'), ('view_audit', 'See the audit log'), ('invite_people', 'Invite people and cancel invitations'), ('import_people', 'Import and export the people list'), ('require_password_reset', 'Require a password reset'), ('manage_access', 'Restrict, suspend, restore and remove access to the services'), ('deactivate_accounts', 'Deactivate and reactivate managed accounts'), ('delete_accounts', 'Delete managed accounts, after a time for second thoughts'), ('change_emails', 'Change the e-mail address of managed accounts, and decide on such requests'), ('manage_domains', 'Prove domains, take control of the accounts in them, and release accounts'), ('manage_policies', 'Decide who may change which part of a profile, and for how long what can be edited and deleted'), ('lock_accounts', 'Lock managed accounts down at once'), ('revoke_sessions', 'End sessions'), ('revoke_tokens', 'Revoke API tokens of other people'), ('reset_second_factor', 'Reset the second factor of managed accounts'), ('update_profiles', 'Change profiles'), ('manage_roles', 'Change roles'), ('manage_groups', 'Make groups and decide who is in them'), ('transfer_ownership', 'Transfer ownership'), ('protect_people', 'Decide who may act on protected people'), ('approve_plans', 'Approve what needs a second person'), ('manage_apps', 'Install and remove apps'), ('manage_requests', 'Handle requests of people about their data'), ('manage_holds', 'Place and release legal holds'), ('export_audit', 'Export the audit log'), ('manage_settings', 'Change the settings of the organization')]},
        ),
        migrations.CreateModel(
            name='Domain',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=253)),
                ('state', models.CharField(choices=[('pending_proof', 'Waiting for proof'), ('verified', 'Proven'), ('announced', 'Taking control is announced'), ('active', 'Controls accounts'), ('failing', 'The proof was not found again'), ('contested', 'Contested'), ('lapsed', 'Lapsed'), ('expired', 'Never proven'), ('released', 'Released')], default='pending_proof', max_length=16)),
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
            },
        ),
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('state', models.CharField(choices=[('announced', 'Announced'), ('active', 'In effect'), ('cancelled', 'Called off')], default='announced', max_length=10)),
                ('chosen', models.CharField(choices=[('all', 'everybody'), ('rule', 'by a rule'), ('file', 'by a file')], max_length=6)),
                ('total', models.PositiveIntegerField(default=0)),
                ('announced_by', models.UUIDField()),
                ('announced_at', models.DateTimeField()),
                ('effective_at', models.DateTimeField()),
                ('notice_version', models.CharField(max_length=40)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='accounts.organization')),
                ('domain', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='accounts.domain')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ClaimedAccount',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('answer', models.CharField(choices=[('waiting', 'No answer yet'), ('accepted', 'Accepted'), ('leaving', 'Leaves; the new address is not confirmed yet'), ('left', 'Left with a personal address'), ('objected', 'Objected'), ('started', 'Managed'), ('exempt', 'Left out by the administrator'), ('ended', 'Ended')], default='waiting', max_length=10)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('objection', models.TextField(blank=True, max_length=2000)),
                ('decide_until', models.DateTimeField(blank=True, null=True)),
                ('decision', models.CharField(blank=True, choices=[('upheld', 'The account is left out'), ('rejected', 'The account is taken over all the same')], max_length=10)),
                ('decision_text', models.TextField(blank=True, max_length=2000)),
                ('decided_by', models.UUIDField(blank=True, null=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claimed', to=settings.AUTH_USER_MODEL)),
                ('claim', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='accounts.claim')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='accounts.organization')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('answer__in', ('waiting', 'leaving', 'objected'))), fields=['account'], name='claimed_account_open')],
                'constraints': [models.UniqueConstraint(fields=('claim', 'account'), name='claimed_account_once')],
            },
        ),
        # safe: the table is made by this migration and is empty
        migrations.AddIndex(
            model_name='domain',
            index=models.Index(condition=models.Q(('state__in', ('pending_proof', 'verified', 'announced', 'active', 'failing', 'contested'))), fields=['next_check_at'], name='domain_to_check'),
        ),
        # safe: the table is made by this migration and is empty
        migrations.AddConstraint(
            model_name='domain',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('verified', 'announced', 'active', 'failing'))), fields=('name',), name='domain_held_once'),
        ),
        # safe: the table is made by this migration and is empty
        migrations.AddConstraint(
            model_name='domain',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('pending_proof', 'verified', 'announced', 'active', 'failing', 'contested'))), fields=('organization', 'name'), name='domain_open_once'),
        ),
        # safe: the table is made by this migration and is empty
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('state', 'announced')), fields=['effective_at'], name='claim_to_take_effect'),
        ),
    ]
