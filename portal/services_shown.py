"""Words for access to services: how far it reaches and through what."""
from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

LEVELS = ("full", "read_only", "")


def level(value: str) -> str:
    """How far access reaches, in words."""
    return {"full": _("Full access"), "read_only": _("Read only")}.get(value, _("No access"))


def through(*, own: str, groups: Iterable[str], everyone: str) -> list[str]:
    """Through what somebody has access, one line each; what decides comes first."""
    found = []
    if own == "off":
        found.append(_("Taken away from this person"))
    elif own:
        found.append(_("Of their own"))
    found += [_("By the group “%(group)s”") % {"group": name} for name in groups]
    if everyone:
        found.append(_("As everybody in the organization"))
    return found
