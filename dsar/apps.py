from django.apps import AppConfig


class DsarConfig(AppConfig):
    name = "dsar"

    def ready(self) -> None:
        from dsar import checks  # noqa: F401
