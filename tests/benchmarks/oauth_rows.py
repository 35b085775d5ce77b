"""Sign-ins, tokens and consents as programs hold them, made by SQL with the columns that the product writes; and the text of each token, which only its program knows."""
from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import App, Installation, OAuthApplication, Service
from accounts.oauth import clients
from audit import recording
from audit.record import ActorRef, EntryDraft
from tests.benchmarks import seed
from tests.benchmarks.services import bare

_TEXT = "'sta_' || replace(s.id::text, '-', '') || '_' || md5(s.id::text) || left(md5(s.id::text || '+'), 11)"
_SESSIONS = """INSERT INTO accounts_programsession (id, organization_id, account_id, client_id, auth_epoch, access_epoch, auth_time, acr, scopes, way, code_hash, started_at, last_used_at, ended_why)
  SELECT md5(%(mark)s || n)::uuid, %(org)s, p.account_id, %(client)s, p.auth_epoch, p.access_epoch, now(), 'password', %(scopes)s, 'code', encode(sha256((%(mark)s || n)::bytea), 'hex'), now(), now(), ''
  FROM (SELECT row_number() OVER (ORDER BY m.id) - 1 AS k, count(*) OVER () AS size, m.account_id, m.access_epoch, a.auth_epoch FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id
        WHERE m.organization_id = %(org)s AND (NOT %(active)s OR (m.status = 'active' AND a.status = 'active'))) p, generate_series(p.k, %(many)s - 1, p.size) n"""
_ACCESS = f"""INSERT INTO oauth2_provider_accesstoken (user_id, token, token_checksum, application_id, expires, scope, resource, created, updated)
  SELECT s.account_id, '', encode(sha256(({_TEXT})::bytea), 'hex'), s.client_id, now() + interval '1 day', array_to_string(s.scopes, ' '), '[]', now(), now()
  FROM accounts_programsession s WHERE s.client_id = %(client)s"""
_REFRESH = f"""INSERT INTO oauth2_provider_refreshtoken (user_id, token, token_checksum, application_id, access_token_id, created, updated, token_family, resource)
  SELECT s.account_id, '', md5(s.id::text) || md5(s.id::text || '-'), s.client_id, t.id, now(), now(), s.id, '[]'
  FROM accounts_programsession s JOIN oauth2_provider_accesstoken t ON t.token_checksum = encode(sha256(({_TEXT})::bytea), 'hex') WHERE s.client_id = %(client)s"""
_GRANTS = """INSERT INTO accounts_appgrant (id, organization_id, installation_id, account_id, scopes, granted_at, ended_why)
  SELECT gen_random_uuid(), %(org)s, %(installation)s, account_id, %(scopes)s, now(), '' FROM (SELECT DISTINCT account_id FROM accounts_programsession WHERE client_id = %(client)s) p"""
_TABLES = ("accounts_programsession", "oauth2_provider_accesstoken", "oauth2_provider_refreshtoken", "accounts_appgrant", "accounts_logoutcall")


@dataclass(frozen=True)
class Program:
    """A program that is known to us, and what it proves itself with."""

    client: OAuthApplication
    secret: str
    mark: str

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.client.client_id}:{self.secret}".encode()).decode()

    def token(self, number: int) -> str:
        session = uuid.UUID(hashlib.md5(f"{self.mark}{number}".encode(), usedforsecurity=False).hexdigest())
        first, second = (hashlib.md5(f"{session}{end}".encode(), usedforsecurity=False).hexdigest() for end in ("", "+"))
        return f"sta_{session.hex}_{first}{second[:11]}"


def act(org: seed.Org, write: Callable[[], None]) -> None:
    """What is measured is arranged in an act of its own, as everything is."""
    with tenancy.installation("the benchmarks arrange programs"), transaction.atomic(), recording.opened(org=org.id, now=timezone.now()) as open_:
        write()
        open_.write([EntryDraft(org=org.id, action="bench.arranged", category="bench", outcome="success", actor=ActorRef(type="operator"))])


def service(org: seed.Org, *, logout_url: str = "") -> Program:
    """A service that everybody of the organization may use, with a client."""
    made: list[tuple[OAuthApplication, str]] = []

    def write() -> None:
        row = Service.objects.create(id=uuid.uuid4(), organization_id=org.id, slug=f"bench-{uuid.uuid4().hex[:8]}", name="Bench", everyone="full", created_at=timezone.now())
        made.append(clients.make(None, organization=row.organization, name="Bench", service=row, redirect_uris=["https://bench.example/back"], logout_url=logout_url))
        made[0][0].save(force_insert=True)

    act(org, write)
    return Program(*made[0], mark=str(made[0][0].id))


def app(org: seed.Org) -> Program:
    """An installed app, which is told of ends at an address where nobody is."""
    made: list[tuple[OAuthApplication, str]] = []

    def write() -> None:
        row = App.objects.create(id=uuid.uuid4(), organization_id=org.id, slug=f"bench-{uuid.uuid4().hex[:8]}", name="Bench", provider="Bench", provider_email="bench@bench.example",
                                 privacy_url="https://bench.example/privacy", scopes=["openid", "profile"], created_at=timezone.now())
        there = Installation.objects.create(id=uuid.uuid4(), organization_id=org.id, app=row, scopes=row.scopes, installed_at=timezone.now())
        made.append(clients.make(None, organization=there.organization, name="Bench", installation=there, redirect_uris=["https://bench.example/back"], logout_url="https://bench.example/out"))
        made[0][0].save(force_insert=True)

    act(org, write)
    return Program(*made[0], mark=str(made[0][0].id))


def fill(org: seed.Org, program: Program, many: int, *, active: bool = True) -> None:
    """So many sign-ins, each with an access token and a refresh token, of the organization's people one after the other, and for an app their consents."""
    given: dict[str, Any] = {"org": org.id, "client": program.client.id, "installation": program.client.installation_id, "many": many, "mark": program.mark, "active": active,
                             "scopes": ["openid", "profile"]}
    with bare() as plain:
        for statement in (_SESSIONS, _ACCESS, _REFRESH, *([_GRANTS] if program.client.installation_id else [])):
            plain.execute(statement, given)
        vacuum(plain)


def vacuum(plain: Any, tables: Iterable[str] = _TABLES) -> None:
    for table in tables:
        plain.execute(f"VACUUM ANALYZE {table}")


def forget(org: seed.Org, *, services: Iterable[UUID] = (), apps: Iterable[UUID] = ()) -> None:
    """As it was before: no program holds anything."""
    with bare() as plain:
        plain.execute(f"TRUNCATE {', '.join(_TABLES)}, oauth2_provider_idtoken, oauth2_provider_grant CASCADE")
        plain.execute("DELETE FROM accounts_oauthapplication WHERE organization_id = %s AND name = 'Bench'", [org.id])
        plain.execute("DELETE FROM accounts_service WHERE organization_id = %s AND name = 'Bench'", [org.id])
        plain.execute("DELETE FROM accounts_installation WHERE organization_id = %s", [org.id])
        plain.execute("DELETE FROM accounts_app WHERE organization_id = %s", [org.id])
        plain.execute("DELETE FROM accounts_mail WHERE organization_id = %s AND template LIKE 'app-%%'", [org.id])
        seed.forget_waiting(plain)
