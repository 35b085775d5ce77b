"""What the record of an app may say: read strictly, from a file of the operator and from the form of an administrator alike."""
from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.oauth import clients
from accounts.oauth.scopes import NEVER, SCOPES
from accounts.powers import naming

LISTS = ("countries", "categories", "scopes", "redirect_uris")
LENGTHS = {"slug": 50, "name": 100, "about": 500, "provider": 200, "provider_email": 254, "website": 500, "privacy_url": 500, "logout_url": 500, "events_url": 500, "requests_url": 500}
NEEDED = ("slug", "name", "provider", "provider_email", "privacy_url", "categories", "countries", "scopes", "redirect_uris")
FIELDS = (*LENGTHS, *LISTS)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_MOST = 50


@cache
def categories() -> dict[str, Any]:
    """Kinds of data about people, by key, as the data map has them."""
    found: dict[str, Any] = import_string(settings.APP_CATEGORIES)
    return found


def countries() -> dict[str, str]:
    """Names of countries by their ISO 3166-1 code."""
    found: dict[str, str] = import_string(settings.APP_COUNTRIES)()
    return found


def read(given: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The record as it is stored, and by field what is wrong with it: one sentence each. What is wrong with the whole has the key ''."""
    if not isinstance(given, Mapping):
        return {}, {"": _("Write one JSON object.")}
    wrong: dict[str, str] = {str(name)[:60]: _("There is no such field.") for name in given if name not in FIELDS}
    said: dict[str, Any] = {}
    for name, most in LENGTHS.items():
        value = given.get(name, "")
        if not isinstance(value, str) or len(value.strip()) > most:
            wrong[name] = _("Write text of at most %(most)d characters.") % {"most": most}
        else:
            said[name] = value.strip()
    for name in LISTS:
        value = given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or len(value) > _MOST:
            wrong[name] = _("Write a list of at most %(most)d texts.") % {"most": _MOST}
        else:
            said[name] = list(dict.fromkeys(one.strip() for one in value))
    for name in NEEDED:
        if name not in wrong and not said[name]:
            wrong[name] = _("This is needed.")
    for name, value in list(said.items()):
        if name not in wrong and value and (problem := _problem(name, value)):
            wrong[name] = problem
    return {**said, "scopes": sorted(said.get("scopes", []))}, wrong


def _problem(name: str, value: Any) -> str:
    if name == "slug":
        return "" if _SLUG.match(value) else _("Use small letters, digits and single hyphens between them.")
    if name in {"name", "about", "provider"}:
        return _text(value)
    if name == "provider_email":
        return _email(value)
    if name in LISTS:
        return next((problem for one in value if (problem := _ONE[name](one))), "")
    return address(value)


def _text(value: str) -> str:
    """Shown on pages of other people: no markup, nothing invisible."""
    if "<" in value or ">" in value:
        return _("Leave out the signs < and >.")
    try:
        naming.clean(value)
    except ValidationError as error:
        return str(error.messages[0])
    return ""


def _email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        return _("Write an e-mail address such as privacy@example.com.")
    return ""


def _parts(value: str) -> Any:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 (raises when it is no port)
    except ValueError:
        return None
    return parts if value.isascii() and parts.hostname and not any(c.isspace() or ord(c) < 33 or c in "\\<>\"'`{}|^" for c in value) else None


def address(value: str) -> str:
    """What is wrong with an address that we show or call."""
    parts = _parts(value)
    if parts is None or parts.scheme not in {"https", "http"}:
        return _("Write an address that begins with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return _("Leave out the user name, the password and what follows a #.")
    if parts.scheme == "http" and not settings.OUTBOUND_ALLOW:
        return _("Only https is possible.")
    return ""


_REFUSED = {"uri_malformed": _lazy("“%(value)s” is not an address that people can be sent back to. Write one exact https address, without wildcards."),
            "uri_fragment": _lazy("“%(value)s”: leave out what follows a #."), "uri_userinfo": _lazy("“%(value)s”: leave out the user name before the @."),
            "uri_scheme": _lazy("“%(value)s”: only addresses that begin with https:// are possible.")}


def redirect_uri(value: str) -> str:
    """What is wrong with an address to which people are sent back, by the rules of the provider."""
    code = clients.refused(value)
    return _REFUSED[code] % {"value": value[:80]} if code else ""


def _country(value: str) -> str:
    return "" if value in countries() else _("“%(value)s” is not a country. Write two capital letters, such as DE.") % {"value": value[:20]}


def _category(value: str) -> str:
    return "" if value in categories() else _("“%(value)s” is not a kind of data. Write a key such as user.contact.email.") % {"value": value[:80]}


def _scope(value: str) -> str:
    if value in NEVER:
        return _("“%(value)s” is given to no app.") % {"value": value[:60]}
    return "" if value in SCOPES else _("“%(value)s” is not something an app can ask for.") % {"value": value[:60]}


_ONE = {"countries": _country, "categories": _category, "scopes": _scope, "redirect_uris": redirect_uri}
