from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Notices that people are asked to confirm: found by an index, for the banner and for the counts."""

    atomic = False
    dependencies = [("accounts", "0021_organization_life")]
    operations = [
        migrations.AddField("mail", "asks", models.CharField(blank=True, choices=[("", ""), ("read", "to be confirmed"), ("important", "to be confirmed, with a banner until then")], db_default="", default="", max_length=10)),
        migrations.AddField("mail", "about", models.UUIDField(null=True)),
        migrations.AddField("mail", "acknowledged_at", models.DateTimeField(null=True)),
        AddIndexConcurrently("mail", models.Index(fields=["account", "-created_at"], condition=models.Q(acknowledged_at=None) & ~models.Q(asks=""), name="mail_unconfirmed")),
        AddIndexConcurrently("mail", models.Index(fields=["about", "acknowledged_at"], condition=models.Q(about__isnull=False), name="mail_about")),
    ]
