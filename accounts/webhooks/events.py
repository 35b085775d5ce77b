"""Which events there are, and which of them a webhook asked for. The names are the actions of the audit log."""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string

ALL = "*"
TEST = "webhook.test"
"""The event of a test: it is in no log."""
LIVES = ("account", "membership", "member", "person", "profile", "session", "use", "service", "app", "second_factor", "group")
"""The families that a service or an app needs to follow the people it knows. A webhook that belongs to one gets no others, and whoever may not read the log can choose no others."""
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)*(\.\*)?|\*")
MOST = 50
UNTOLD = frozenset({"account.purge_waits", "account.purge_resumes", "account.purge_part"})
"""What would tell a program when a legal hold came and went, or how far a deletion is."""


@cache
def catalogue() -> dict[str, str | Promise]:
    """Every event by its name, with the sentence that the log has for it."""
    found = import_string(settings.EVENT_SENTENCES)
    return {name: found[name] for name in sorted(found) if ":" not in name and "." in name}


def families() -> list[str]:
    return sorted({name.partition(".")[0] for name in catalogue()})


def unknown(names: Iterable[str]) -> list[str]:
    """Those that would never match anything."""
    return [name for name in names if not _NAME.fullmatch(name) or not any(matches((name,), event) for event in catalogue())]


def matches(wanted: Sequence[str], event: str) -> bool:
    """Whether the event was asked for: by its name, or by a family it is in."""
    return any(one in {ALL, event} or (one.endswith(".*") and event.startswith(one[:-1])) for one in wanted)


def beyond(names: Iterable[str]) -> list[str]:
    """Those that reach beyond what services and apps need."""
    return [name for name in names if name.partition(".")[0] not in LIVES or name in UNTOLD]
