"""Make the databases and their roles, once; safe to repeat."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from psycopg import sql

from portal.env import APP_ROLE, SEQUENCER_ROLE, SIGNER_ROLE, role_password, running_services


class Command(BaseCommand):
    help = "Makes the roles that serve, number and sign, the keys' database, and with the embedded PostgreSQL also the owner and the main database."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        superuser = running_services(settings.DATA).get("database_superuser")
        try:
            if superuser:
                self._embedded(superuser)
            self._roles()
            self._keys()
        except psycopg.OperationalError as error:
            raise CommandError(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise CommandError("The login in DATABASE_URL may not make roles or databases. Give it CREATEROLE and CREATEDB, or make them by hand and set"
                               " DATABASE_APP_URL, DATABASE_SEQUENCER_URL, DATABASE_SIGNER_URL, DATABASE_KEYS_URL and DATABASE_KEYS_APP_URL (docs/operating.md).") from error

    def _embedded(self, superuser: str) -> None:
        owner = settings.DATABASES["owner"]["USER"]
        with psycopg.connect(superuser, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(owner)))
            for alias in ("owner", "keys_owner"):
                _make_database(connection, settings.DATABASES[alias]["NAME"], owner)

    def _roles(self) -> None:
        with _login(settings.DATABASES["owner"]) as connection:
            version = connection.info.server_version
            if version < 150000:
                raise CommandError(f"This PostgreSQL is version {version // 10000}; Steward needs 15 or newer.")
            for alias, role in (("default", APP_ROLE), ("sequencer", SEQUENCER_ROLE), ("signer", SIGNER_ROLE)):
                _make_role(connection, alias, role)

    def _keys(self) -> None:
        """The keys' database: made beside the main one unless DATABASE_KEYS_URL says where it is; there its serving role is made too."""
        main, given = settings.DATABASES["owner"], settings.DATABASES["keys_owner"]
        if (given["HOST"], given["PORT"]) == (main["HOST"], main["PORT"]):
            with _login({**given, "NAME": main["NAME"], "USER": main["USER"], "PASSWORD": main["PASSWORD"]}) as connection:
                _make_database(connection, given["NAME"], given["USER"])
        with _login(given) as connection:
            _make_role(connection, "keys", APP_ROLE)


def _login(given: Mapping[str, Any]) -> psycopg.Connection[Any]:
    return psycopg.connect(host=given["HOST"], port=given["PORT"] or None, user=given["USER"], password=given["PASSWORD"] or None, dbname=given["NAME"], autocommit=True)


def _make_database(connection: psycopg.Connection[Any], name: str, owner: str) -> None:
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))


def _make_role(connection: psycopg.Connection[Any], alias: str, role: str) -> None:
    if settings.DATABASES[alias]["USER"] != role:
        return  # made by hand
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT").format(sql.Identifier(role)))
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(role_password(settings.SECRET_KEY, role))))
