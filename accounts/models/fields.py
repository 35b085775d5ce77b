"""What every stored thing has: a random id, and how each of its fields may appear in the audit log."""
from __future__ import annotations

import uuid
from typing import ClassVar, Literal

from django.db import models

Klass = Literal["public", "pii", "secret", "unrecorded"]


class Identified(models.Model):
    """A row whose id is a random UUID: never reused, never derived from a person.

    `AUDIT` names, for each field, how a change of it is written into the audit log: `public` with its
    value, `pii` as a commitment whose opening can be erased, `secret` as a keyed fingerprint,
    `unrecorded` not at all (bookkeeping that an entry already says). A test fails for a field that is missing.
    """

    AUDIT: ClassVar[dict[str, Klass]] = {}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


class Versioned(Identified):
    """A row that powers change: `version` grows by one with each change and is the ETag of the API."""

    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True
