"""One row by one column, for what every request reads: the statement is written out once, where composing it would cost more than running it."""
from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


@cache
def _sql(model: type[models.Model], column: str) -> tuple[str, list[str]]:
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{f.column}"' for f in fields)
    return f'SELECT {names} FROM {model._meta.db_table} WHERE "{model._meta.get_field(column).column}" = %s', [f.attname for f in fields]


def one(model: type[M], column: str, value: Any) -> M | None:
    """The row whose column has this value, within the connection's scope; None if there is none. For columns that are unique."""
    sql, names = _sql(model, column)
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        row = cursor.fetchone()
    return model.from_db("default", names, row) if row else None
