from django.apps import AppConfig


class DsarConfig(AppConfig):
    name = "dsar"

    def ready(self) -> None:
        from accounts.act_file import PLANNED
        from dsar import checks  # noqa: F401
        from dsar.powers import POWERS

        PLANNED.update({power.slug: power for power in POWERS})  # plans that wait for a second person are kept by `accounts`, which may not import what lies above it
