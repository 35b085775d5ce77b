"""Looks at every document (JSON) that any test has written into a column: a key of which the data map does not know fails that test (RIGHTS 4b, test 2)."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

_found: list[str] = []


@pytest.fixture(scope="session", autouse=True)
def _documents_are_looked_at() -> Iterator[None]:
    """Models write by `get_db_prep_save`, the door's own statements and `QuerySet.update` too; what raw SQL writes is looked at in the tables (tests/laws/test_documents.py)."""
    from django.db.models import JSONField

    from dsar.datamap.documents import DOCUMENTS, Key, unknown

    written = JSONField.get_db_prep_save

    def save(self: Any, value: Any, connection: Any) -> Any:
        if isinstance(value, dict | list | tuple):
            name = f"{self.model._meta.db_table}.{self.column}"
            _found.extend(unknown(DOCUMENTS.get(name, Key("")), value, name))
        return written(self, value, connection)
    JSONField.get_db_prep_save = save  # type: ignore[method-assign]
    yield
    JSONField.get_db_prep_save = written  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _documents_are_declared() -> Iterator[None]:
    """A job that catches everything hides nothing: what was found is said when the test is over."""
    _found.clear()
    yield
    assert not _found, f"nobody says what these are (dsar/datamap/documents.py): {sorted(set(_found))}"
