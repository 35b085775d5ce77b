"""A part of a deletion that fails, as if the process had been killed there."""
from __future__ import annotations

from accounts.models import Account


class Killed(Exception):
    pass


def here(account: Account, _address: str) -> dict[str, int]:
    """Changes something first, so that a rollback shows."""
    Account.objects.filter(id=account.id).update(name="half done")
    raise Killed
