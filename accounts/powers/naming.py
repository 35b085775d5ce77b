"""Names that administrators give to roles, groups and service accounts: how they are written, and when two are the same."""
from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that turn the direction of text around: a name with them can pretend to be another."""


def clean(text: str) -> str:
    """The name as we store it, blanks collapsed; a ValidationError says in plain words what is wrong with it."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} or c in _TURNING for c in name):
        raise ValidationError(_("Remove the invisible characters."), code="invisible")
    if not key(name):
        raise ValidationError(_("Use at least one visible character."), code="invisible")
    return name


def key(name: str) -> str:
    """The name in the form in which two are compared: whoever reads them would take them for the same."""
    return "".join(c for c in unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()) if unicodedata.category(c) != "Cf").strip()
