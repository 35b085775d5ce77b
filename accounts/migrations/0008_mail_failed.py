from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The overview counts notices that could not be delivered by an index."""

    atomic = False
    dependencies = [("accounts", "0007_notices")]
    operations = [AddIndexConcurrently("mail", models.Index(fields=["organization_id"], condition=models.Q(state="failed"), name="mail_failed"))]
