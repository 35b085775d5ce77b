"""`manage.py check`: what must hold of the legal numbers."""
from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured

from dsar.clock.regimes import KNOWN, read


@register()
def legal_numbers(**_kwargs: object) -> list[Error]:
    """The file of legal numbers can be read and has every law that requests may fall under."""
    try:
        found = read(Path(settings.LEGAL_NUMBERS))
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="STEWARD_LEGAL_NUMBERS names the file; dsar/clock/regimes.toml is an example.", id="dsar.E001")]
    missing = KNOWN - set(found)
    return [Error(f"The legal numbers in {settings.LEGAL_NUMBERS} have no section for: {', '.join(sorted(missing))}", id="dsar.E001")] if missing else []
