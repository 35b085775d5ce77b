"""Words about what is scheduled, which pages, plans and mails share."""
from __future__ import annotations

import zoneinfo
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def at(when: datetime, zone: str = "") -> str:
    """A moment with its zone: the one that is shown now, or the named one."""
    return timezone.localtime(when, zoneinfo.ZoneInfo(zone) if zone else None).strftime("%Y-%m-%d %H:%M %Z")


def title(slug: str) -> str:
    """What a power is called."""
    from accounts.powers import FALLS_DUE

    return str(FALLS_DUE[slug].title)


def happens_at(when: datetime) -> str:
    return _("This happens on %(when)s. Until then nothing changes, and it can be cancelled or moved.") % {"when": at(when)}


def outlived(count: int) -> str:
    return ngettext("%(n)d API token, and every session, stops working at that moment, even if it was to be valid for longer.",
                    "%(n)d API tokens, and every session, stop working at that moment, even if they were to be valid for longer.", count) % {"n": count}


def taken_along(slug: str, when: datetime) -> str:
    return _("What was scheduled for %(when)s is dropped: %(act)s.") % {"when": at(when), "act": title(slug)}
