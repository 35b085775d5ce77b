"""Other people in a copy: each is the same "Person N" throughout it, and leads to nobody outside of it."""
from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from accounts.addresses import address_key
from accounts.models import Account, Membership

ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"'/=?&]+@[^\s@<>()\[\],;:\"'/=?&]+\.[^\s@<>()\[\],;:\"'/=?&.]+")


class People:
    """Who is who in one copy. `me` is the person whose copy it is; addresses in `published` are no secret."""

    def __init__(self, *, me: Account, organizations: Iterable[UUID], published: Iterable[str]) -> None:
        self.me = me
        self.organizations = list(organizations)
        self.open = {address_key(address) for address in (*published, me.email) if address}
        self.numbers: dict[UUID, int] = {}
        self._accounts: dict[UUID, UUID | None] = {me.id: me.id}
        self.hidden = 0
        """How many words in texts were replaced."""

    def of(self, value: Any) -> Any:
        """A number of somebody, or a list of them, as the copy says it: "you", "Person N", or "somebody" who is not known any more."""
        if value is None or value == "":
            return value
        if isinstance(value, list | tuple):
            return [self.of(one) for one in value]
        account = self._account(value if isinstance(value, UUID) else UUID(str(value)))
        if account is None:
            return _("somebody")
        return _("you") if account == self.me.id else self._named(account)

    def is_somebody(self, number: str) -> bool:
        """Whether this is the number of an account or a membership."""
        try:
            return self._account(UUID(number)) is not None
        except ValueError:
            return False

    def _named(self, account: UUID) -> str:
        return _("Person %(n)d") % {"n": self.numbers.setdefault(account, len(self.numbers) + 1)}

    def _account(self, number: UUID) -> UUID | None:
        """The account behind a number, which may be that of a membership."""
        if number not in self._accounts:
            found = Membership.objects.filter(id=number).values_list("account_id", flat=True).first()
            self._accounts[number] = found or (number if Account.objects.filter(id=number).exists() else None)
        return self._accounts[number]

    def scrub(self, text: str) -> str:
        """A text without addresses and names of other people of the same organizations."""
        text = self.without_addresses(text)
        with connection.cursor() as cursor:
            cursor.execute("SELECT a.id, a.name FROM accounts_account a WHERE a.id <> %s AND length(a.name) > 2 AND position(lower(a.name) in lower(%s)) > 0"
                           " AND EXISTS (SELECT 1 FROM accounts_membership m WHERE m.account_id = a.id AND m.organization_id = ANY(%s)) ORDER BY length(a.name) DESC, a.id",
                           [self.me.id, text, self.organizations])
            for account, name in cursor.fetchall():
                text, n = re.subn(re.escape(name), lambda _found, who=account: self._named(who), text, flags=re.IGNORECASE)  # type: ignore[misc]
                self.hidden += n
        return text

    def without_addresses(self, text: str) -> str:
        """A text without addresses of other people."""
        return ADDRESS.sub(lambda found: self._address(found[0]), text) if "@" in text else text

    def mine(self, address: str) -> None:
        """An address that the person has or had."""
        self.open.add(address_key(address))

    def _address(self, address: str) -> str:
        key = address_key(address)
        if key in self.open:
            return address
        self.hidden += 1
        account = Account.objects.filter(email_key=key).values_list("id", flat=True).first()
        return self._named(account) if account else _("(another person's address)")

    def leaks(self, text: str) -> list[str]:
        """Addresses of other people that a text still has."""
        return [found for found in ADDRESS.findall(text) if address_key(found) not in self.open]
