"""`manage.py check`: what must hold of the legal numbers."""
from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured

from accounts.checks import classes_of
from accounts.powers import POWERS as OF_ACCOUNTS
from dsar.clock.regimes import KNOWN, read
from dsar.datamap import MAP, documents
from dsar.datamap.checks import NO_MODEL, json_columns, missing, of_models, wrong
from dsar.powers import POWERS as OF_RIGHTS
from dsar.retention import units


@register()
def legal_numbers(**_kwargs: object) -> list[Error]:
    """The file of legal numbers can be read and has every law that requests may fall under."""
    try:
        found = read(Path(settings.LEGAL_NUMBERS))
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="STEWARD_LEGAL_NUMBERS names the file; dsar/clock/regimes.toml is an example.", id="dsar.E003")]
    missing = KNOWN - set(found)
    return [Error(f"The legal numbers in {settings.LEGAL_NUMBERS} have no section for: {', '.join(sorted(missing))}", id="dsar.E003")] if missing else []


@register()
def audit_classes(**_kwargs: object) -> list[Error]:
    """Every field of our models says how it appears in the audit log."""
    return classes_of("dsar")


@register()
def data_map(**_kwargs: object) -> list[Error]:
    """Every column of every model is in the data map, and every word of the map means something. The live database is compared by a test."""
    known = of_models() | {table: set(MAP.by_table[table].columns) if table in MAP.by_table else set() for table in NO_MODEL}
    return [Error(problem, hint="dsar/datamap/ declares what is kept about people.", id="dsar.E002") for problem in (*missing(MAP, known), *wrong(MAP, known))]


@register()
def documents_in_columns(**_kwargs: object) -> list[Error]:
    """Of every column that holds a document (JSON) it is said which keys it may have, and whom each is about; fields of forms included, because stored plans keep what a form was told."""
    columns = {f"{table}.{column}" for table, found in json_columns().items() for column in found}
    fields = {name for power in (*OF_ACCOUNTS, *OF_RIGHTS) for name in power.form.base_fields}
    return [Error(problem, hint="dsar/datamap/documents.py says what is in such a column, dsar/datamap/inputs.py whom the fields of forms are about.", id="dsar.E005")
            for problem in documents.problems(MAP, columns, fields)]


@register()
def ends(**_kwargs: object) -> list[Error]:
    """Every kind of data with a period has an end from which it counts, and the shortest times fit what people are promised."""
    try:
        return [Error(problem, hint="dsar/datamap/ends.py and the file of shortest times.", id="dsar.E004") for problem in units.problems()]
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="STEWARD_RETENTION_FLOORS names the file.", id="dsar.E004")]
