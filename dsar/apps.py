from django.apps import AppConfig


class DsarConfig(AppConfig):
    name = "dsar"

    def ready(self) -> None:
        from accounts import act_file
        from dsar import checks  # noqa: F401
        from dsar.powers import POWERS

        act_file.PLANNED.update({power.slug: power for power in POWERS})  # a stored plan can name ours too
