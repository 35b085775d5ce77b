from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("audit", "0006_streams")]

    operations: list = []
