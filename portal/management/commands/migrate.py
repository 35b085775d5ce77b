"""`migrate`, as the role that owns the tables; afterwards policies, guards and grants follow from `portal.database`."""
from __future__ import annotations

import gc
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from accounts.notice_default import adopt_everywhere
from accounts.roles import refresh_builtin_roles
from audit import key_store
from portal import database


class Command(Migrate):
    """Migrations of libraries write through the default alias, so for this command that alias is the owner's login."""

    def handle(self, *args: Any, **options: Any) -> None:
        connections["default"].close()
        connections["default"].settings_dict.update({key: settings.DATABASES["owner"][key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS")})
        options["database"] = "default"
        key_store.prepare(role=settings.DATABASES["keys"]["USER"])
        gc.disable()  # a migration makes thousands of classes that refer to each other; looking through them again and again is a fifth of the time
        super().handle(*args, **options)
        gc.enable()
        database.apply(using="default")
        if _is_complete():
            key_store.take_over(using="default")
            refresh_builtin_roles(now=datetime.now(UTC))
            adopt_everywhere(now=datetime.now(UTC))

    def check(self, *args: Any, **options: Any) -> None:
        """The database is compared with the list once it is migrated, not before."""
        super().check(*args, **{**options, "databases": None})


def _is_complete() -> bool:
    """Whether everything is migrated: after `migrate accounts 0001` there is no telling what the roles should be."""
    executor = MigrationExecutor(connections["default"])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
