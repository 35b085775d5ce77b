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

_NAMES = """SELECT t.text, a.id, a.name FROM unnest(%s::text[]) t(text) JOIN accounts_account a ON length(a.name) > 2 AND position(lower(a.name) in lower(t.text)) > 0
 WHERE a.id <> %s AND EXISTS (SELECT 1 FROM accounts_membership m WHERE m.account_id = a.id AND m.organization_id = ANY(%s)) ORDER BY length(a.name) DESC, a.id"""


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
        self._you, self._somebody = _("you"), _("somebody")
        self._said: dict[UUID, str] = {}
        self._written: set[str] = set()
        self._names: dict[str, list[tuple[UUID, str]]] = {}
        """Of the texts that are being told: which names of others stand in them."""
        self._keys: dict[str, UUID | None] = {}
        """Whose address it is."""

    def learn(self, numbers: Iterable[Any], texts: Iterable[str], addresses: Iterable[str] = ()) -> None:
        """Who is meant by these numbers, in these texts, and by the addresses in others: asked at once for all that are about to be told, so that many rows take no more questions than one."""
        ids = {one if isinstance(one, UUID) else UUID(str(one)) for one in numbers} - set(self._accounts)
        if ids:
            members = dict(Membership.objects.filter(id__in=ids).values_list("id", "account_id"))
            accounts = set(Account.objects.filter(id__in=ids - set(members)).values_list("id", flat=True))
            self._accounts |= {one: members.get(one) or (one if one in accounts else None) for one in ids}
        said = {text for text in texts if text}
        if keys := {address_key(found) for text in {*said, *addresses} if "@" in text for found in ADDRESS.findall(text)} - self.open - set(self._keys):
            self._keys |= dict.fromkeys(keys) | dict(Account.objects.filter(email_key__in=keys).values_list("email_key", "id"))
        self._names = {text: [] for text in said}
        if said:
            with connection.cursor() as cursor:
                cursor.execute(_NAMES, [list(said), self.me.id, self.organizations])
                for text, account, name in cursor.fetchall():
                    self._names[text].append((account, name))

    def of(self, value: Any) -> Any:
        """A number of somebody, or a list of them, as the copy says it: "you", "Person N", or "somebody" who is not known any more."""
        if value is None or value == "":
            return value
        if type(value) is UUID and value in self._said:
            return self._said[value]
        if isinstance(value, list | tuple):
            return [self.of(one) for one in value]
        account = self._account(value if isinstance(value, UUID) else UUID(str(value)))
        if account is None:
            return self._somebody
        said = self._you if account == self.me.id else self._named(account)
        if type(value) is UUID:
            self._said[value] = said
        return said

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
        if text and text not in self._names:
            self.learn([], [text])
        found, text = self._names.get(text, ()), self.without_addresses(text)
        for account, name in found:
            text, n = re.subn(re.escape(name), lambda _found, who=account: self._named(who), text, flags=re.IGNORECASE)  # type: ignore[misc]
            self.hidden += n
        return text

    def without_addresses(self, text: str) -> str:
        """A text without addresses of other people."""
        return ADDRESS.sub(lambda found: self._address(found[0]), text) if "@" in text else text

    def mine(self, address: str) -> None:
        """An address that the person has or had."""
        if address not in self._written:
            self._written.add(address)
            self.open.add(address_key(address))

    def _address(self, address: str) -> str:
        key = address_key(address)
        if key in self.open:
            return address
        self.hidden += 1
        if key not in self._keys:
            self._keys[key] = Account.objects.filter(email_key=key).values_list("id", flat=True).first()
        account = self._keys[key]
        return self._named(account) if account else _("(another person's address)")

    def leaks(self, text: str) -> list[str]:
        """Addresses of other people that a text still has."""
        return [found for found in ADDRESS.findall(text) if address_key(found) not in self.open]
