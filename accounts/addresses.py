"""E-mail addresses: one comparison form, so that no two people hold what a mailbox would call the same address."""
from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

SERVICE_DOMAIN = "service.invalid"
"""Where the addresses of service accounts seem to be: a domain that cannot exist, so nothing is ever mailed there."""
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff<>,;]")


def address_key(address: str) -> str:
    """The address in the form in which two addresses are compared.

    NFKC, the local part case-folded, the domain as IDNA A-labels in lower case (guard rail 16f).
    Never raises: an address that has no valid domain compares by its case-folded text.
    """
    text = unicodedata.normalize("NFKC", address.strip())
    local, at, domain = text.rpartition("@")
    if not at:
        return text.casefold()
    try:
        domain = domain.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        domain = domain.casefold()
    return f"{local.casefold()}@{domain}"


def clean_address(address: str) -> str:
    """The address as we store and mail it, or a ValidationError that says what is wrong in plain words."""
    text = unicodedata.normalize("NFC", address.strip())
    if len(text) > 254:
        raise ValidationError(_("The e-mail address is longer than 254 characters."), code="too_long")
    if _FORBIDDEN.search(text):
        raise ValidationError(_("The e-mail address contains a space or an invisible character."), code="invisible")
    local, at, domain = text.rpartition("@")
    if at:
        try:
            domain = domain.encode("idna").decode("ascii").lower()
        except UnicodeError as error:
            raise ValidationError(_("The part after the @ is not a valid domain."), code="domain") from error
    if len(address_key(text)) > 320:  # compatibility forms can grow: one sign may stand for eighteen
        raise ValidationError(_("The e-mail address is longer than 254 characters."), code="too_long")
    validate_email(f"{local.encode('ascii', 'replace').decode().replace('?', 'x')}@{domain}" if at else text)
    return f"{local}@{domain}"
