"""The product's settings, and beside it the audit packages of the trade, on models with the same columns as ours."""
from __future__ import annotations

from portal.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "auditlog", "pgtrigger", "pghistory", "simple_history", "tests.benchmarks.peers"]  # noqa: F405
LOGGING["root"]["level"] = "ERROR"  # type: ignore[index]  # noqa: F405
