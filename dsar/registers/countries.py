"""Countries: their names, which of them belong together for data protection, and for which a decision says that data is safe there."""
from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dsar.clock.regimes import EEA

_HERE = Path(__file__).parent


@cache
def names() -> dict[str, str]:
    """Every country by its ISO 3166 code, in the order of the names."""
    lines = (_HERE / "countries.csv").read_text(encoding="utf-8").splitlines()
    return dict(line.split(",", 1) for line in lines)


def choices(empty: Any) -> list[tuple[str, Any]]:
    return [("", empty), *names().items()]


def name(code: str) -> str:
    return names().get(code, code)


def group(country: str) -> str:
    """What the country of a controller belongs to: the European Economic Area, or only itself."""
    return "EEA" if country in EEA else country


def inside(country: str, *, home: str) -> bool:
    """Whether data that goes to this country stays where the same law holds as at home."""
    return country in EEA if home == "EEA" else country == home


def adequate(country: str, *, home: str) -> bool:
    """Whether the list names a decision for it."""
    return country in _decisions().get(home, frozenset())


@cache
def _decisions() -> dict[str, frozenset[str]]:
    path = Path(settings.ADEQUACY or _HERE / "adequacy.toml")
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        lists = {home: frozenset(one["countries"]) for home, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImproperlyConfigured(f"STEWARD_ADEQUACY: {path.name} cannot be read as a list of countries ({type(error).__name__})") from error
    if unknown := {code for codes in lists.values() for code in codes} - set(names()):
        raise ImproperlyConfigured(f"STEWARD_ADEQUACY: nobody knows {', '.join(sorted(unknown))}")
    return lists
