"""A signed-in test client: real sessions, registered as signing in registers them."""
from __future__ import annotations

import time

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from accounts import tenancy
from accounts.models import Account, Membership
from tests.situations import arrange, session_for


def client_for(person: Membership, *, tier: int = 2, **options: object) -> Client:
    """A browser in which the person is signed in; tier 2 has just used a second factor, 0 proved nothing lately."""
    client = Client(**options)  # type: ignore[arg-type]
    account = Account.objects.get(id=person.account_id)
    with tenancy.installation("the epochs a sign-in remembers"):
        epochs = {str(m.organization_id): m.access_epoch for m in Membership.objects.filter(account=account)}
    store = SessionStore()
    at = time.time() - (0 if tier else 3600)
    store.update({
        SESSION_KEY: str(account.pk), BACKEND_SESSION_KEY: "portal.signin.adapters.AddressBackend", HASH_SESSION_KEY: account.get_session_auth_hash(), "steward_epochs": epochs,
        "account_authentication_methods": [{"method": "password", "at": at, "reauthenticated": True}, *([{"method": "mfa", "type": "totp", "at": at, "reauthenticated": True}] if tier > 1 else [])],
        "account_authentication_methods_user": str(account.pk)})
    store.save()

    def register() -> None:
        row = session_for(person)
        type(row).objects.filter(id=row.id).update(session_key=store.session_key)
        store["steward_session"] = str(row.id)

    arrange(register)
    store.save()
    client.cookies["steward"] = store.session_key or ""
    return client
