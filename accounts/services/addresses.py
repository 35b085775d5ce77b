"""Addresses of a service: where people are led back to after signing in, and where the service is told that a session ended.

They are compared sign by sign, so they are written out in full (OAuth 2.1, section 2.3.1).
"""
from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MOST, LONGEST = 20, 500
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_SIGNS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%]+")
_HOST = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


def problem(address: str) -> str:
    """What is wrong with one address, in words; '' where it can be used."""
    if len(address) > LONGEST:
        return _("This address is longer than 500 characters.")
    if not address.isascii() or not _SIGNS.fullmatch(address):
        return _("An address has no spaces and only letters of the English alphabet, digits and the signs of addresses. Write other letters as your browser’s address line copies them.")
    if "*" in address:
        return _("Write each address out: a * stands for nothing here.")
    if "#" in address:
        return _("Leave out the # and what follows it.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return _("This is not an address.")
    if parts.scheme not in {"https", "http"} or not parts.netloc:
        return _("Write a full web address, beginning with https://. Addresses of programs on a device, such as app://, are not possible.")
    if "@" in parts.netloc:
        return _("Leave out the user name and the password before the @.")
    host = parts.hostname or ""
    if port == 0 or not (_HOST.fullmatch(host) or host == "::1"):
        return _("The name of the server in this address cannot be right.")
    if parts.scheme == "http" and not (host in _HERE and not settings.SECURE):
        return _("Only https is possible. Without it others could read what is sent there.")
    if re.search(r"(^|/)(\.|%2e){1,2}(/|$)", parts.path, re.IGNORECASE) or "\\" in address or "%5c" in address.lower():
        return _("Write the path without . and .. in it.")
    return ""


def split(text: str | Iterable[str]) -> list[str]:
    """Addresses as they are typed, one on each line, or as a program sends them: each once, in their order."""
    found = text.split() if isinstance(text, str) else [str(one).strip() for one in text]
    return list(dict.fromkeys(one for one in found if one))


def clean(text: str | Iterable[str]) -> list[str]:
    """The addresses, or a ValidationError that says which one is wrong and why."""
    found = split(text)
    if len(found) > MOST:
        raise ValidationError(_("A service has at most 20 of these addresses."), code="too_many")
    wrong = [(address, why) for address in found if (why := problem(address))]
    if wrong:
        raise ValidationError([ValidationError(_("“%(address)s”: %(why)s") % {"address": address[:100], "why": why}, code="address") for address, why in wrong[:5]])
    return found


def clean_one(text: str) -> str:
    """One address or none."""
    if text and (why := problem(text)):
        raise ValidationError(why, code="address")
    return text
