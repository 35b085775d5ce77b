"""Addresses of receivers that people or programs name: what is wrong with one, and what of it may be shown."""
from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from audit import outbound


def problem(url: str, *, sample: str) -> str:
    """Why nothing can be sent to this address, or ''. Only https, no password in it, and no private address."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises when it is no port)
    except ValueError:
        return _("This is not an address.")
    if not url.isascii() or any(c.isspace() for c in url) or not parts.hostname or parts.scheme not in {"https", "http"}:
        return _("Write an address such as %(sample)s.") % {"sample": sample}
    demo = outbound.demo(parts.hostname, parts.port)
    if parts.scheme == "http" and not (settings.OUTBOUND_ALLOW or demo):
        return _("Only https is possible: entries do not travel where others can read them.")
    if parts.username is not None or parts.fragment:
        return _("Leave out the user name, the password and what follows a #.")
    return "" if demo else private(parts.hostname)


def private(host: str) -> str:
    """Said at once where the address itself shows it; names are checked at each connection."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ""
    return "" if outbound.permitted(host) else _("This address is not a public one. Whoever runs this installation can allow its network.")


def shown(url: str) -> str:
    """What of an address people may see: never its path, which some receivers use as a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
