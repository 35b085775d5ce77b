"""In which time zone a page shows times: the person's own, else the organization's, else UTC."""
from __future__ import annotations

import zoneinfo

from django.utils import timezone


def use(*names: str) -> str:
    """Show times in the first of these zones that this machine knows; unknown and empty names are passed over. Returns its name."""
    for name in names:
        if name:
            try:
                timezone.activate(zoneinfo.ZoneInfo(name))
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                continue  # a name from a file or an older release; a page is not the place to fail over it
            return name
    timezone.deactivate()
    return timezone.get_current_timezone_name()
