import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from accounts import listing
from accounts.migrating import AtOnce


class Migration(migrations.Migration):
    """What the migrations from 0002 to 0046 make, in one step, for new installations. Those that have applied some of them go on with the others."""

    replaces = [('accounts', name) for name in (
        '0002_listing', '0003_plan_rows_views_kinds', '0004_listing_when_needed', '0005_manage_groups', '0006_people_count', '0007_notices', '0008_mail_failed', '0009_by_last_active',
        '0010_lists_without_leaks', '0011_domains', '0012_words_of_manage_domains', '0013_brake', '0014_address_changes', '0015_succession', '0016_deletions', '0017_rights_door',
        '0018_brake_without_locks', '0019_claims', '0020_account_by_domain', '0021_organization_life', '0022_notices_to_confirm', '0023_end_of_organizations', '0024_schedules',
        '0025_contests', '0026_contract_ends', '0027_own_deletion', '0028_profile_policies', '0029_use_restricted', '0030_communications', '0031_profile_questions', '0032_inactivity',
        '0033_deletion_warnings', '0034_one_place_for_requests', '0035_transfers', '0036_credentials_changed', '0037_corrections', '0038_corrections_index', '0039_backup_horizon',
        '0040_permissions_of_retention', '0043_deleted_addresses', '0045_role_since_unused', '0046_connected',
    )]

    dependencies = [
        ('accounts', '0001_initial'),
        ('audit', '0009_legal_holds'),
        # libraries change their tables while there is little that refers to them: each of those changes looks at everything that does
        ('oauth2_provider', '0022_refreshtoken_token_family_index'),
        ('mfa', '0003_authenticator_type_uniq'),
        ('account', '0009_emailaddress_unique_primary_email'),
        ('guardian', '0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more'),
    ]

    operations = [
        AtOnce([
        migrations.CreateModel(
            name='AddressChange',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('kind', models.CharField(choices=[('administrator', 'By an administrator, confirmed by the new mailbox'), ('dead_mailbox', 'By two administrators, because the old mailbox is dead'), ('person', 'By the person'), ('leaving', 'By the person, who leaves before a claim takes effect'), ('recovery', 'The recovery address')], max_length=16)),
                ('state', models.CharField(choices=[('requested', 'Waiting for the new mailbox'), ('waiting', 'Waiting for an administrator'), ('done', 'Done'), ('denied', 'Declined'), ('expired', 'Not confirmed in time'), ('cancelled', 'Withdrawn'), ('reverted', 'Undone from the old mailbox')], default='requested', max_length=12)),
                ('old_address', models.EmailField(max_length=254)),
                ('new_address', models.EmailField(max_length=254)),
                ('new_key', models.CharField(max_length=320)),
                ('outside', models.BooleanField(default=False)),
                ('requested_by', models.UUIDField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.UUIDField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('reason_code', models.CharField(blank=True, max_length=60)),
                ('reason_text', models.TextField(blank=True, max_length=2000)),
                ('undo_offered', models.BooleanField(default=True)),
                ('undo_until', models.DateTimeField(blank=True, null=True)),
                ('link_hash', models.BinaryField(max_length=32, null=True, unique=True)),
                ('undo_hash', models.BinaryField(max_length=32, null=True, unique=True)),
                ('escalated', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('subject', models.CharField(max_length=150)),
                ('text', models.TextField(max_length=5000)),
                ('sent_by', models.UUIDField(null=True)),
                ('sent_at', models.DateTimeField()),
                ('entry', models.UUIDField(null=True)),
                ('reached', models.UUIDField(null=True)),
                ('told', models.PositiveIntegerField(default=0)),
                ('left_out', models.PositiveIntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='App',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('slug', models.SlugField()),
                ('name', models.CharField(max_length=100)),
                ('about', models.CharField(blank=True, max_length=500)),
                ('provider', models.CharField(max_length=200)),
                ('provider_email', models.EmailField(max_length=254)),
                ('website', models.URLField(blank=True, max_length=500)),
                ('privacy_url', models.URLField(max_length=500)),
                ('countries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), default=list, size=None)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, size=None)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('redirect_uris', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), default=list, size=None)),
                ('logout_url', models.URLField(blank=True, max_length=500)),
                ('events_url', models.URLField(blank=True, max_length=500)),
                ('requests_url', models.URLField(blank=True, max_length=500)),
                ('state', models.CharField(choices=[('offered', 'offered'), ('withdrawn', 'withdrawn')], default='offered', max_length=10)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='AppGrant',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('granted_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_why', models.CharField(blank=True, max_length=20)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Brake',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('hits', models.JSONField(default=dict)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('paused_over', models.CharField(blank=True, max_length=60)),
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
                ('state', models.CharField(choices=[('announcing', 'People are being told'), ('announced', 'Announced'), ('finished', 'Finished'), ('cancelled', 'Cancelled'), ('ended', 'Ended with the domain')], default='announcing', max_length=12)),
                ('choice', models.CharField(choices=[('all', 'All accounts that can be claimed'), ('members', 'Members of the organization only'), ('others', 'Only accounts that are not members'), ('inactive', 'Only accounts that have not been active for some days'), ('listed', 'The addresses of a list')], default='all', max_length=10)),
                ('inactive_days', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('listed', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('days', models.PositiveSmallIntegerField()),
                ('reached', models.UUIDField(blank=True, null=True)),
                ('told', models.PositiveIntegerField(default=0)),
                ('announced_by', models.UUIDField(blank=True, null=True)),
                ('announced_at', models.DateTimeField()),
                ('effective_at', models.DateTimeField()),
                ('notice_version', models.CharField(max_length=40)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ClaimedAccount',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('state', models.CharField(choices=[('announced', 'Told, no answer yet'), ('accepted', 'Accepted'), ('objected', 'Objected'), ('rejected', 'The objection was declined'), ('left', 'Left with another address'), ('exempted', 'Left out'), ('missed', 'Could not be claimed on the date'), ('withdrawn', 'The claim was withdrawn'), ('managed', 'Managed'), ('ending', 'Is being released'), ('released', 'Released')], default='announced', max_length=10)),
                ('address', models.EmailField(max_length=254)),
                ('created_here', models.BooleanField(default=False)),
                ('announced_at', models.DateTimeField()),
                ('effective_at', models.DateTimeField()),
                ('reminded', models.BooleanField(default=False)),
                ('objected_at', models.DateTimeField(blank=True, null=True)),
                ('object_until', models.DateTimeField(blank=True, null=True)),
                ('objection', models.TextField(blank=True, max_length=2000)),
                ('answer_code', models.CharField(blank=True, max_length=60)),
                ('answer', models.TextField(blank=True, max_length=2000)),
                ('leaving_address', models.EmailField(blank=True, max_length=254)),
                ('leaving_at', models.DateTimeField(blank=True, null=True)),
                ('problem', models.CharField(blank=True, max_length=60)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Closing',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('asked_by', models.UUIDField(null=True)),
                ('ground', models.TextField(max_length=2000)),
                ('asked_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('told', models.PositiveSmallIntegerField(default=99)),
                ('waits_for', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('began_at', models.DateTimeField(null=True)),
                ('over_at', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('wanted', models.BooleanField()),
                ('how', models.CharField(choices=[('page', 'by you, signed in'), ('link', 'by whoever opened the link in a mail to you'), ('one_click', 'by the unsubscribe button of your mail program'), ('gpc', 'by your browser, which sends Global Privacy Control')], max_length=10)),
                ('at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Deletion',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('state', models.CharField(choices=[('waiting', 'Waiting for its date'), ('blocked', 'Its date has come, and something stands in the way'), ('purging', 'Under way')], default='waiting', max_length=10)),
                ('by_person', models.BooleanField(default=False)),
                ('asked_by', models.UUIDField(null=True)),
                ('reason_code', models.CharField(blank=True, max_length=60)),
                ('scheduled_at', models.DateTimeField()),
                ('term', models.DateTimeField()),
                ('purge_at', models.DateTimeField()),
                ('expedited_by', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('warned', models.BooleanField(default=False)),
                ('warning', models.UUIDField(null=True)),
                ('waits_for', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('began_at', models.DateTimeField(null=True)),
                ('done', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, size=None)),
                ('last_address', models.TextField(blank=True)),
                ('address_released', models.BooleanField(default=False)),
                ('was_status', models.CharField(max_length=20)),
                ('was_reason_code', models.CharField(blank=True, max_length=60)),
                ('was_reason_text', models.TextField(blank=True, max_length=2000)),
                ('was_until', models.DateTimeField(null=True)),
                ('was_changed_by', models.UUIDField(null=True)),
                ('was_changed_at', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Dispute',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
                ('lifted_at', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
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
                ('fresh_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('releasing', models.BooleanField(db_default=False, default=False)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Dormancy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('told', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), default=list, size=None)),
                ('warning', models.UUIDField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='EditLimits',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('limited', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), default=list, size=None)),
                ('ground', models.TextField(blank=True, max_length=500)),
                ('set_at', models.DateTimeField()),
                ('set_by', models.UUIDField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='FieldPolicy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('field', models.CharField(max_length=20)),
                ('owner', models.CharField(choices=[('person', 'the person alone'), ('administrator', 'administrators alone'), ('directory', 'the directory alone'), ('both', 'the person and administrators')], max_length=13)),
                ('ground', models.TextField(blank=True, max_length=500)),
                ('set_at', models.DateTimeField()),
                ('set_by', models.UUIDField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('state', models.CharField(choices=[('active', 'active'), ('suspended', 'suspended'), ('ended', 'ended')], default='active', max_length=10)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('pending_scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('installed_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_why', models.CharField(blank=True, max_length=20)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='NoticeVersion',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('replaced', 'Replaced before it took effect')], default='draft', max_length=10)),
                ('powers', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('meanwhile', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('words', models.JSONField(default=dict)),
                ('text', models.TextField(blank=True, max_length=20000)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('significant', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('published_by', models.UUIDField(blank=True, null=True)),
                ('effective_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='OldSlug',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('slug', models.SlugField(unique=True)),
                ('left_at', models.DateTimeField()),
                ('leads_until', models.DateTimeField()),
                ('kept_until', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='OrganizationPolicy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('deletion_days', models.PositiveSmallIntegerField(db_default=14, default=14, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(90)])),
                ('closing_days', models.PositiveSmallIntegerField(db_default=14, default=14, validators=[django.core.validators.MinValueValidator(14), django.core.validators.MaxValueValidator(90)])),
                ('contract_reminders', models.CharField(db_default='30, 7, 1', default='30, 7, 1', max_length=40)),
                ('own_deletion', models.BooleanField(db_default=False, default=False)),
                ('inactive_days', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(730)])),
                ('inactive_since', models.DateTimeField(blank=True, null=True)),
                ('inactive_looked_on', models.DateField(blank=True, null=True)),
                ('unused_days', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(180), django.core.validators.MaxValueValidator(3650)])),
                ('unused_since', models.DateTimeField(blank=True, null=True)),
                ('unused_reported_on', models.DateField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='PeopleCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization_id', models.UUIDField()),
                ('status', models.CharField(max_length=20)),
                ('kind', models.CharField(max_length=10)),
                ('second_factor', models.BooleanField()),
                ('n', models.IntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='PlanRow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('target', models.UUIDField(null=True)),
                ('version', models.CharField(blank=True, max_length=40)),
                ('state', models.CharField(choices=[('fresh', 'fresh'), ('waiting', 'waiting'), ('skipped', 'skipped'), ('done', 'done'), ('failed', 'failed')], default='fresh', max_length=10)),
                ('verdict', models.CharField(blank=True, max_length=10)),
                ('codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('entry', models.UUIDField(null=True)),
                ('data', models.JSONField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ProfileChange',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('entry', models.UUIDField()),
                ('field', models.CharField(max_length=20)),
                ('before', models.CharField(blank=True, max_length=200)),
                ('after', models.CharField(blank=True, max_length=200)),
                ('changed_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('told_at', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ProfileSuggestion',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('field', models.CharField(max_length=20)),
                ('value', models.CharField(blank=True, max_length=200)),
                ('words', models.TextField(blank=True, max_length=500)),
                ('suggested_at', models.DateTimeField()),
                ('suggested_by', models.UUIDField(null=True)),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('hash', models.CharField(max_length=256)),
                ('made_at', models.DateTimeField()),
                ('made_by', models.UUIDField()),
                ('reminded_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ReleasedAddress',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('key_hash', models.BinaryField(db_index=True, max_length=32)),
                ('account_id', models.UUIDField()),
                ('organization_id', models.UUIDField(blank=True, null=True)),
                ('released_at', models.DateTimeField()),
                ('until', models.DateTimeField(db_index=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RightsAsk',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('address', models.BinaryField()),
                ('asked_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RightsRequest',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('kind', models.CharField(choices=[('account', 'Deletion of the account')], max_length=12)),
                ('words', models.TextField(blank=True, max_length=2000)),
                ('state', models.CharField(choices=[('open', 'Open'), ('answered', 'Answered'), ('ended', 'Ended without an answer')], default='open', max_length=10)),
                ('asked_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('answered_by', models.UUIDField(null=True)),
                ('outcome', models.CharField(blank=True, choices=[('granted', 'Granted'), ('refused', 'Refused')], max_length=10)),
                ('answer', models.TextField(blank=True, max_length=2000)),
                ('escalated', models.PositiveSmallIntegerField(db_default=0, default=0)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RightsVisit',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('link_hash', models.BinaryField(max_length=32, null=True)),
                ('session_hash', models.BinaryField(max_length=32, null=True)),
                ('address_hash', models.BinaryField(max_length=32)),
                ('made_at', models.DateTimeField()),
                ('link_until', models.DateTimeField()),
                ('opened_at', models.DateTimeField(null=True)),
                ('until', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('page', models.CharField(choices=[('people', 'people'), ('audit', 'audit')], max_length=20)),
                ('name', models.CharField(max_length=60)),
                ('query', models.CharField(blank=True, max_length=1000)),
                ('shared', models.BooleanField(default=False)),
                ('is_default', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SuccessionCase',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('way', models.CharField(choices=[('successors', 'A named successor'), ('codes', 'Recovery codes'), ('operator', 'Whoever operates the installation')], max_length=12)),
                ('cause', models.CharField(blank=True, choices=[('silent', 'No owner has been active'), ('unusable', 'No owner can sign in')], max_length=12)),
                ('state', models.CharField(choices=[('opened', 'Opened'), ('waiting', 'Waiting'), ('offered', 'Offered'), ('accepted', 'Accepted'), ('operator', 'Nobody can follow'), ('done', 'Done'), ('stopped', 'Stopped'), ('expired', 'Without result')], default='opened', max_length=12)),
                ('opened_at', models.DateTimeField()),
                ('waiting_since', models.DateTimeField(blank=True, null=True)),
                ('waits_until', models.DateTimeField(blank=True, null=True)),
                ('told', models.PositiveSmallIntegerField(default=0)),
                ('person', models.UUIDField(blank=True, null=True)),
                ('offer_until', models.DateTimeField(blank=True, null=True)),
                ('passed', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('reference', models.CharField(blank=True, max_length=80)),
                ('words', models.TextField(blank=True, max_length=500)),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_how', models.CharField(blank=True, max_length=20)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Successor',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('place', models.PositiveSmallIntegerField()),
                ('named_by', models.UUIDField()),
                ('named_at', models.DateTimeField()),
                ('declined_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('address_mac', models.BinaryField(max_length=32)),
                ('made_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Tombstone',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField(null=True)),
                ('account', models.UUIDField(unique=True)),
                ('by_person', models.BooleanField(default=False)),
                ('asked_by', models.UUIDField(null=True)),
                ('approved_by', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('reason_code', models.CharField(blank=True, max_length=60)),
                ('scheduled_at', models.DateTimeField()),
                ('term', models.DateTimeField()),
                ('purged_at', models.DateTimeField()),
                ('backups_until', models.DateField(null=True)),
                ('address_hash', models.BinaryField(max_length=32)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Transfer',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('to_slug', models.CharField(max_length=50)),
                ('state', models.CharField(choices=[('offered', 'Offered, no answer yet'), ('declined', 'Declined'), ('accepted', 'Accepted, begins on its date'), ('done', 'Handed over'), ('expired', 'Nobody answered in time'), ('withdrawn', 'Taken back'), ('refused', 'Not wanted any more'), ('objected', 'The person objected'), ('left', 'The person took the account themselves'), ('missed', 'Was not possible any more')], default='offered', max_length=10)),
                ('offered_by', models.UUIDField(null=True)),
                ('offered_at', models.DateTimeField()),
                ('answer_until', models.DateTimeField()),
                ('accepted_by', models.UUIDField(null=True)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('effective_at', models.DateTimeField(null=True)),
                ('notice_version', models.CharField(blank=True, max_length=40)),
                ('reminded', models.BooleanField(default=False)),
                ('objection', models.TextField(blank=True, max_length=2000)),
                ('leaving_address', models.EmailField(blank=True, max_length=254)),
                ('leaving_at', models.DateTimeField(null=True)),
                ('problem', models.CharField(blank=True, max_length=60)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ValueDispute',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('field', models.CharField(max_length=20)),
                ('value', models.CharField(blank=True, max_length=200)),
                ('proposed', models.CharField(blank=True, max_length=200)),
                ('words', models.TextField(blank=True, max_length=1000)),
                ('state', models.CharField(choices=[('open', 'Waits for an answer'), ('corrected', 'Corrected'), ('partly', 'Corrected in part'), ('kept', 'Kept as it is'), ('withdrawn', 'Withdrawn')], default='open', max_length=10)),
                ('opened_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('answered_by', models.UUIDField(null=True)),
                ('ground', models.CharField(blank=True, max_length=20)),
                ('answer', models.TextField(blank=True, max_length=2000)),
                ('away', models.BooleanField(db_default=False, default=False)),
                ('back_at', models.DateTimeField(null=True)),
                ('request', models.UUIDField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AlterModelOptions(
            name='organization',
            options={'default_permissions': (), 'permissions': [('view_people', 'See the people and what is recorded about them'), ('view_audit', 'See the audit log'), ('invite_people', 'Invite people and cancel invitations'), ('import_people', 'Import and export the people list'), ('require_password_reset', 'Require a password reset'), ('manage_access', 'Restrict, suspend, restore and remove access to the services'), ('deactivate_accounts', 'Deactivate and reactivate managed accounts'), ('delete_accounts', 'Schedule the deletion of managed accounts, bring it forward and cancel it'), ('manage_domains', 'Add, prove and remove domains, and release managed accounts'), ('lock_accounts', 'Lock managed accounts down at once'), ('revoke_sessions', 'End sessions'), ('revoke_tokens', 'Revoke API tokens of other people'), ('reset_second_factor', 'Reset the second factor of managed accounts'), ('change_email', 'Change the e-mail addresses of managed accounts, and decide what people ask for'), ('update_profiles', 'Change profiles'), ('manage_roles', 'Change roles'), ('manage_groups', 'Make groups and decide who is in them'), ('transfer_ownership', 'Transfer ownership'), ('protect_people', 'Decide who may act on protected people'), ('approve_plans', 'Approve what needs a second person'), ('manage_apps', 'Install and remove apps'), ('manage_requests', 'Handle requests of people about their data'), ('manage_holds', 'Place and release legal holds'), ('manage_retention', 'Decide how long data is kept'), ('manage_registers', 'Keep the registers of disclosures, recipients and transfers'), ('view_content', 'See, together with a second person, what is in a managed account'), ('export_organization', 'Export everything that the organization holds'), ('export_audit', 'Export the audit log'), ('manage_settings', 'Change the settings of the organization')]},
        ),
        migrations.RemoveIndex(
            model_name='membership',
            name='membership_by_activity',
        ),
        migrations.AddField(
            model_name='account',
            name='access_ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='credentials_changed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='gpc_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='kind',
            field=models.CharField(choices=[('person', 'Person'), ('service', 'Service account')], db_default='person', default='person', max_length=10),
        ),
        migrations.AddField(
            model_name='account',
            name='recovery_email',
            field=models.EmailField(blank=True, db_default='', default='', max_length=254, verbose_name='recovery address'),
        ),
        migrations.AddField(
            model_name='mail',
            name='about',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='mail',
            name='acknowledged_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='mail',
            name='asks',
            field=models.CharField(blank=True, choices=[('', ''), ('read', 'to be confirmed'), ('important', 'to be confirmed, with a banner until then')], db_default='', default='', max_length=10),
        ),
        migrations.AddField(
            model_name='mail',
            name='read_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='access_ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='contract_ends_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='identity_changed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='inactivity_reminded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='inactivity_warned_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='role_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name='membership',
            name='role_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='use_freed',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='membership',
            name='use_restricted',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='oauthapplication',
            name='logout_url',
            field=models.URLField(blank=True, db_default='', max_length=500),
        ),
        migrations.AddField(
            model_name='oauthapplication',
            name='service',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='client', to='accounts.service'),
        ),
        migrations.AddField(
            model_name='organization',
            name='contact_link',
            field=models.URLField(blank=True, db_default='', default='', max_length=300, verbose_name='page about help'),
        ),
        migrations.AddField(
            model_name='organization',
            name='ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='organization',
            name='owner_silent_days',
            field=models.PositiveSmallIntegerField(db_default=60, default=60),
        ),
        migrations.AddField(
            model_name='organization',
            name='status',
            field=models.CharField(choices=[('active', 'Active'), ('pending_deletion', 'Deletion scheduled'), ('deleted', 'Deleted')], db_default='active', default='active', max_length=20),
        ),
        migrations.AddField(
            model_name='plan',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='plan',
            name='automatic',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='plan',
            name='due_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='plan',
            name='subject',
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='plan',
            name='warned',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='protection',
            name='set_by',
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='protection',
            name='since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='mail',
            name='state',
            field=models.CharField(choices=[('due', 'due'), ('sent', 'sent'), ('failed', 'failed'), ('held', 'not wanted')], default='due', max_length=10),
        ),
        migrations.AlterField(
            model_name='management',
            name='basis',
            field=models.CharField(choices=[('domain_claim', 'the organization proved that it owns the e-mail domain'), ('created_by_org', 'the organization created the account'), ('scim', "the organization's directory created the account"), ('transfer', 'the organization that managed it before handed it over')], max_length=20),
        ),
        migrations.AlterField(
            model_name='plan',
            name='state',
            field=models.CharField(choices=[('uploaded', 'Waiting for its columns'), ('preparing', 'Being checked'), ('planned', 'Waiting for confirmation'), ('awaiting_approval', 'Waiting for a second person'), ('scheduled', 'Scheduled'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('superseded', 'Replaced by another act'), ('denied', 'Declined'), ('expired', 'Expired'), ('void', 'Void, because something changed'), ('stopped', 'Stopped'), ('failed', 'Failed')], default='planned', max_length=20),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(condition=models.Q(('kind', 'service')), fields=['id'], name='account_service'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('entry__isnull', False), ('read_at', None)), fields=['account'], name='mail_unread'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['organization_id'], name='mail_failed'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('acknowledged_at', None), models.Q(('asks', ''), _negated=True)), fields=['account', '-created_at'], name='mail_unconfirmed'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('about__isnull', False)), fields=['about', 'acknowledged_at'], name='mail_about'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(condition=models.Q(('contract_ends_on__isnull', False)), fields=['organization', 'contract_ends_on'], name='membership_contract'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(condition=models.Q(('inactivity_warned_at__isnull', False)), fields=['organization'], name='membership_inactivity'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(condition=models.Q(('status', 'invited')), fields=['invited_by'], name='membership_inviter'),
        ),
        migrations.AddIndex(
            model_name='plan',
            index=models.Index(condition=models.Q(('state__in', ('preparing', 'running'))), fields=['state'], name='plan_to_carry_out'),
        ),
        migrations.AddIndex(
            model_name='plan',
            index=models.Index(condition=models.Q(('state', 'scheduled')), fields=['due_at'], name='plan_due'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'scheduled')), fields=('subject', 'power'), name='plan_scheduled_once'),
        ),
        migrations.AddField(
            model_name='addresschange',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='address_changes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='addresschange',
            name='organization',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='announcement',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='announcements', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='app',
            name='organization',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='apps', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='appgrant',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='app_grants', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='appgrant',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='brake',
            name='account',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='brakes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='brake',
            name='organization',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='brakes', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='claim',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='claimedaccount',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claimed', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='claimedaccount',
            name='claim',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='accounts.claim'),
        ),
        migrations.AddField(
            model_name='claimedaccount',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='closing',
            name='organization',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='closing', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='consent',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='consent',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='deletion',
            name='account',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='deletion', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deletion',
            name='organization',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='deletions', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='dispute',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='disputes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='domain',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='domains', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='claim',
            name='domain',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='accounts.domain'),
        ),
        migrations.AddField(
            model_name='dormancy',
            name='account',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='dormancy', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='dormancy',
            name='organization',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='dormancies', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='editlimits',
            name='organization',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='edit_limits', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='fieldpolicy',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='field_policies', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='installation',
            name='app',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='installations', to='accounts.app'),
        ),
        migrations.AddField(
            model_name='installation',
            name='installed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='installation',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='installations', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='appgrant',
            name='installation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='accounts.installation'),
        ),
        migrations.AddField(
            model_name='oauthapplication',
            name='installation',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='client', to='accounts.installation'),
        ),
        migrations.AddConstraint(
            model_name='oauthapplication',
            constraint=models.CheckConstraint(condition=models.Q(('service', None), ('installation', None), _connector='OR'), name='client_of_one_thing'),
        ),
        migrations.AddField(
            model_name='noticeversion',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='oldslug',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='old_slugs', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='organizationpolicy',
            name='organization',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='policy', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='planrow',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='planrow',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='accounts.plan'),
        ),
        migrations.AddField(
            model_name='profilechange',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='profile_changes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='profilechange',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='profilesuggestion',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='profile_suggestions', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='profilesuggestion',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='recoverycode',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='rightsrequest',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rights_requests', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rightsrequest',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rights_requests', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='rightsvisit',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='savedview',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='views', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='successioncase',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='successions', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='successor',
            name='membership',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='successor',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='successors', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='suppressions', to='accounts.organization'),
        ),
        migrations.AddIndex(
            model_name='tombstone',
            index=models.Index(fields=['address_hash'], name='tombstone_by_address'),
        ),
        migrations.AddField(
            model_name='transfer',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='transfers', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='transfer',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='transfers', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='transfer',
            name='to_organization',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='transfers_received', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='valuedispute',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='value_disputes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='valuedispute',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddIndex(
            model_name='addresschange',
            index=models.Index(fields=['organization', 'state', 'created_at'], name='address_change_queue'),
        ),
        migrations.AddIndex(
            model_name='addresschange',
            index=models.Index(condition=models.Q(('state__in', ('requested', 'waiting'))), fields=['expires_at'], name='address_change_due'),
        ),
        migrations.AddConstraint(
            model_name='addresschange',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('requested', 'waiting')), models.Q(('kind', 'recovery'), _negated=True)), fields=('account',), name='address_change_one_pending'),
        ),
        migrations.AddConstraint(
            model_name='addresschange',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'recovery'), ('state__in', ('requested', 'waiting'))), fields=('account',), name='recovery_change_one_pending'),
        ),
        migrations.AddIndex(
            model_name='announcement',
            index=models.Index(fields=['organization', '-sent_at'], name='announcement_list'),
        ),
        migrations.AddIndex(
            model_name='announcement',
            index=models.Index(condition=models.Q(('finished_at', None)), fields=['sent_at'], name='announcement_open'),
        ),
        migrations.AddConstraint(
            model_name='app',
            constraint=models.UniqueConstraint(fields=('organization', 'slug'), name='app_slug_once', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='brake',
            index=models.Index(condition=models.Q(('paused_at__isnull', False)), fields=['organization'], name='brake_paused'),
        ),
        migrations.AddConstraint(
            model_name='brake',
            constraint=models.UniqueConstraint(fields=('organization', 'account'), name='brake_once'),
        ),
        migrations.AddIndex(
            model_name='claimedaccount',
            index=models.Index(fields=['claim', 'state', 'address', 'id'], name='claimed_by_state'),
        ),
        migrations.AddIndex(
            model_name='claimedaccount',
            index=models.Index(fields=['claim', 'address', 'id'], name='claimed_by_address'),
        ),
        migrations.AddIndex(
            model_name='claimedaccount',
            index=models.Index(fields=['account', '-announced_at'], name='claimed_recently'),
        ),
        migrations.AddIndex(
            model_name='claimedaccount',
            index=models.Index(condition=models.Q(('state__in', ('announced', 'accepted', 'rejected'))), fields=['effective_at'], name='claimed_due'),
        ),
        migrations.AddIndex(
            model_name='claimedaccount',
            index=models.Index(condition=models.Q(('state', 'objected')), fields=['object_until'], name='claimed_objected'),
        ),
        migrations.AddIndex(
            model_name='claimedaccount',
            index=models.Index(condition=models.Q(('state', 'ending')), fields=['organization'], name='claimed_ending'),
        ),
        migrations.AddConstraint(
            model_name='claimedaccount',
            constraint=models.UniqueConstraint(fields=('claim', 'account'), name='claimed_once'),
        ),
        migrations.AddConstraint(
            model_name='claimedaccount',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('announced', 'accepted', 'rejected', 'objected'))), fields=('organization', 'account'), name='claimed_open_once'),
        ),
        migrations.AddIndex(
            model_name='closing',
            index=models.Index(condition=models.Q(('over_at', None)), fields=['ends_at'], name='closing_due'),
        ),
        migrations.AddIndex(
            model_name='consent',
            index=models.Index(fields=['account', 'organization', 'kind', '-at'], name='consent_latest'),
        ),
        migrations.AddIndex(
            model_name='deletion',
            index=models.Index(fields=['purge_at'], name='deletion_due'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at', None)), fields=('account',), name='dispute_open_once'),
        ),
        migrations.AddIndex(
            model_name='domain',
            index=models.Index(condition=models.Q(('state__in', ('pending_proof', 'verified', 'failing', 'contested'))), fields=['next_check_at'], name='domain_to_check'),
        ),
        migrations.AddConstraint(
            model_name='domain',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('verified', 'failing'))), fields=('name',), name='domain_held_once'),
        ),
        migrations.AddConstraint(
            model_name='domain',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('pending_proof', 'verified', 'failing', 'contested'))), fields=('organization', 'name'), name='domain_open_once'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['organization', '-announced_at'], name='claim_of_organization'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('state__in', ['announcing', 'announced', 'cancelled', 'ended'])), fields=['id'], name='claim_at_work'),
        ),
        migrations.AddConstraint(
            model_name='fieldpolicy',
            constraint=models.UniqueConstraint(fields=('organization', 'field'), name='field_policy_once'),
        ),
        migrations.AddConstraint(
            model_name='installation',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'ended'), _negated=True), fields=('organization', 'app'), name='app_installed_once'),
        ),
        migrations.AddConstraint(
            model_name='appgrant',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('installation', 'account'), name='app_grant_once'),
        ),
        migrations.AddConstraint(
            model_name='noticeversion',
            constraint=models.UniqueConstraint(fields=('organization', 'number'), name='notice_number_once'),
        ),
        migrations.AddConstraint(
            model_name='noticeversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('organization',), name='notice_one_draft'),
        ),
        migrations.AddIndex(
            model_name='planrow',
            index=models.Index(fields=['plan', 'state', 'number'], name='plan_row_by_state'),
        ),
        migrations.AddConstraint(
            model_name='planrow',
            constraint=models.UniqueConstraint(fields=('plan', 'number'), name='plan_row_once'),
        ),
        migrations.AddIndex(
            model_name='profilechange',
            index=models.Index(condition=models.Q(('told_at', None)), fields=['due_at'], name='profile_change_due'),
        ),
        migrations.AddIndex(
            model_name='profilechange',
            index=models.Index(condition=models.Q(('told_at__isnull', False)), fields=['told_at'], name='profile_change_told'),
        ),
        migrations.AddIndex(
            model_name='profilechange',
            index=models.Index(fields=['account', '-changed_at'], name='profile_change_of_account'),
        ),
        migrations.AddConstraint(
            model_name='profilechange',
            constraint=models.UniqueConstraint(fields=('entry', 'account', 'field'), name='profile_change_once'),
        ),
        migrations.AddIndex(
            model_name='profilesuggestion',
            index=models.Index(fields=['expires_at'], name='profile_suggestion_end'),
        ),
        migrations.AddConstraint(
            model_name='profilesuggestion',
            constraint=models.UniqueConstraint(fields=('organization', 'account', 'field'), name='profile_suggestion_once'),
        ),
        migrations.AddConstraint(
            model_name='recoverycode',
            constraint=models.UniqueConstraint(fields=('organization', 'number'), name='recovery_code_once'),
        ),
        migrations.AddIndex(
            model_name='rightsrequest',
            index=models.Index(fields=['organization', 'state', '-asked_at'], name='rights_request_newest'),
        ),
        migrations.AddConstraint(
            model_name='rightsrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('organization', 'account', 'kind'), name='rights_request_open_once'),
        ),
        migrations.AddIndex(
            model_name='rightsvisit',
            index=models.Index(fields=['link_hash'], name='rights_by_link'),
        ),
        migrations.AddIndex(
            model_name='rightsvisit',
            index=models.Index(fields=['session_hash'], name='rights_by_session'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(models.F('owner'), models.F('page'), django.db.models.functions.text.Lower('name'), name='saved_view_name_once'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('owner', 'page'), name='saved_view_one_default'),
        ),
        migrations.AddIndex(
            model_name='successioncase',
            index=models.Index(fields=['organization', '-opened_at'], name='succession_of_organization'),
        ),
        migrations.AddConstraint(
            model_name='successioncase',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('opened', 'waiting', 'offered', 'accepted', 'operator'))), fields=('organization', 'way'), name='succession_open_once'),
        ),
        migrations.AddConstraint(
            model_name='successor',
            constraint=models.UniqueConstraint(fields=('organization', 'membership'), name='successor_once'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(fields=('organization', 'kind', 'address_mac'), name='suppressed_once'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['organization', '-offered_at'], name='transfer_offered'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['to_organization', '-offered_at'], name='transfer_received'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['account', '-offered_at'], name='transfer_of_account'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(condition=models.Q(('state__in', ('offered', 'declined', 'accepted'))), fields=['id'], name='transfer_waiting'),
        ),
        migrations.AddConstraint(
            model_name='transfer',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('offered', 'declined', 'accepted'))), fields=('account',), name='transfer_open_once'),
        ),
        migrations.AddIndex(
            model_name='valuedispute',
            index=models.Index(fields=['account', '-opened_at'], name='value_dispute_of_account'),
        ),
        migrations.AddIndex(
            model_name='valuedispute',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['organization', 'opened_at'], name='value_dispute_waiting'),
        ),
        migrations.AddIndex(
            model_name='valuedispute',
            index=models.Index(condition=models.Q(('back_at__isnull', False)), fields=['back_at'], name='value_dispute_back'),
        ),
        migrations.AddConstraint(
            model_name='valuedispute',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('organization', 'account', 'field'), name='value_dispute_open_once'),
        ),
        ]),
        # what models cannot say: the columns, tokens and counts of the people list, kept by triggers, and indexes over expressions
        migrations.RunSQL(listing.SQL, reverse_sql="DROP TABLE accounts_searchtoken CASCADE"),
        migrations.RunSQL([listing.ONLY_WHEN_NEEDED, listing.COUNT, listing.RESTRICTED, listing.ROLE_SINCE], reverse_sql=migrations.RunSQL.noop),
        migrations.RunSQL([
            "CREATE INDEX membership_by_activity ON accounts_membership (organization_id, GREATEST(last_active_at, '0001-01-01 00:00:00+00'::timestamptz), id)",
            "CREATE INDEX account_no_person ON accounts_account (id) WHERE kind <> 'person'",
            "CREATE INDEX account_by_domain ON accounts_account (split_part(email_key, '@', -1), id)",
        ], reverse_sql=migrations.RunSQL.noop),
    ]
