"""What has to be written outside the database before anything is destroyed in it: a database that is restored would otherwise bring it back (RIGHTS 6c)."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

Fact = str | int | bool | None


class Unavailable(Exception):
    """Nothing can be written outside now: a full disk, a folder that is not there, a damaged file. So nothing may be destroyed; it is tried again later."""


def before(kind: str, *, org: UUID | None, subject: UUID | None, facts: Mapping[str, Fact], now: datetime) -> int:
    """Write one line about what is about to be destroyed; it is on the disk when this returns. Raises `Unavailable`."""
    return cast(int, import_string(settings.LEDGER_LINE)(kind, org=org, subject=subject, facts=facts, now=now))
