"""`migrate`, as the role that owns the tables; afterwards policies, guards and grants follow from `portal.database`."""
from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from portal import database


class Command(Migrate):
    """Migrations of libraries write through the default alias, so for this command that alias is the owner's login."""

    def handle(self, *args: Any, **options: Any) -> None:
        connections["default"].close()
        connections["default"].settings_dict.update({key: settings.DATABASES["owner"][key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")})
        options["database"] = "default"
        super().handle(*args, **options)
        database.apply(using="default")
