"""Make the database and its roles, once; safe to repeat."""
from __future__ import annotations

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from psycopg import sql

from portal.env import APP_ROLE, SEQUENCER_ROLE, SIGNER_ROLE, role_password, running_services


class Command(BaseCommand):
    help = "Makes the roles that serve, number and sign, and with the embedded PostgreSQL also the owner and the database."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        superuser = running_services(settings.DATA).get("database_superuser")
        try:
            if superuser:
                self._embedded(superuser)
            self._roles()
        except psycopg.OperationalError as error:
            raise CommandError(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise CommandError("The login in DATABASE_URL may not make roles. Give it CREATEROLE, or make the roles by hand and set"
                               " DATABASE_APP_URL, DATABASE_SEQUENCER_URL and DATABASE_SIGNER_URL (docs/operating.md).") from error

    def _embedded(self, superuser: str) -> None:
        owner, name = settings.DATABASES["owner"]["USER"], settings.DATABASES["owner"]["NAME"]
        with psycopg.connect(superuser, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(owner)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))

    def _roles(self) -> None:
        given = settings.DATABASES["owner"]
        with psycopg.connect(host=given["HOST"], port=given["PORT"] or None, user=given["USER"], password=given["PASSWORD"] or None, dbname=given["NAME"], autocommit=True) as connection:
            version = connection.info.server_version
            if version < 150000:
                raise CommandError(f"This PostgreSQL is version {version // 10000}; Steward needs 15 or newer.")
            for alias, role in (("default", APP_ROLE), ("sequencer", SEQUENCER_ROLE), ("signer", SIGNER_ROLE)):
                if settings.DATABASES[alias]["USER"] != role:
                    continue
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT").format(sql.Identifier(role)))
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(role_password(settings.SECRET_KEY, role))))
