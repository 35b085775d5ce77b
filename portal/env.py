"""Settings from the environment: parsing that says in one line what is wrong and what to write instead."""
from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

APP_ROLE = "steward_app"
SEQUENCER_ROLE = "steward_sequencer"


def flag(name: str, *, default: bool = False) -> bool:
    """A yes-or-no variable: 1/0, true/false, yes/no, on/off."""
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is '{text}'. Write 1 or 0.")


def secret_key(*, data: Path, embedded: bool) -> str:
    """STEWARD_SECRET_KEY, or for the embedded services a key made once and kept in the data folder."""
    given = os.environ.get("STEWARD_SECRET_KEY", "")
    if given:
        if len(given) < 32:
            raise ImproperlyConfigured("STEWARD_SECRET_KEY has fewer than 32 characters. Make one with: openssl rand -hex 32")
        return given
    if not embedded:
        raise ImproperlyConfigured("STEWARD_SECRET_KEY is not set. Make one with: openssl rand -hex 32")
    path = data / "secret.key"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text().strip()
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"The data folder {data} cannot be written: {error.strerror}. Choose another with DATA=…") from error


def role_password(secret: str, role: str) -> str:
    """The password of a database role that `setup_database` makes: derived, so that every process knows it."""
    return hmac.new(secret.encode(), f"database-role:{role}".encode(), hashlib.sha256).hexdigest()


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose, from the installation's secret."""
    return hmac.new(secret.encode(), f"steward:{purpose}".encode(), hashlib.sha256).digest()


def database(url: str, *, variable: str) -> dict[str, object]:
    """A Django database entry from postgresql://user:password@host:port/name; host may be a socket folder (?host=/dir)."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(f"{variable} must begin with postgresql:// (Steward needs PostgreSQL 15 or newer).")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured(f"{variable} names no database. Write postgresql://user:password@host:5432/steward")
    try:
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable} has a port that is not a number.") from error
    options = {key: value for key, value in query.items() if key not in {"host", "port"}}
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""), "HOST": query.get("host") or unquote(parts.hostname or ""),
        "PORT": str(query.get("port") or port or ""), "OPTIONS": {"connect_timeout": "5", **options},
    }


def redis_url(url: str) -> str:
    """REDIS_URL as redis-py reads it: redis://, rediss:// or unix:///path."""
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured("REDIS_URL must begin with redis://, rediss:// or unix:///")
    return url


def running_services(data: Path) -> dict[str, str]:
    """What the supervisor that owns this data folder wrote down, or {} when none runs."""
    try:
        return json.loads((data / "run" / "services.json").read_text())
    except (OSError, ValueError):
        return {}


def databases(*, data: Path, secret: str) -> dict[str, dict[str, object]]:
    """The four logins: `owner` changes the schema, `default` serves, `refusals` is the same on its own connection,
    `sequencer` numbers the log."""
    owner_url = os.environ.get("DATABASE_URL") or running_services(data).get("database", "")
    if not owner_url:
        owner_url = "postgresql://steward_owner@/steward?host=/nonexistent-start-with-make-run"
    owner = database(owner_url, variable="DATABASE_URL")

    def login(role: str, variable: str) -> dict[str, object]:
        if os.environ.get(variable):
            return database(os.environ[variable], variable=variable)
        return {**owner, "USER": role, "PASSWORD": role_password(secret, role)}

    app = login(APP_ROLE, "DATABASE_APP_URL")
    common = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "DISABLE_SERVER_SIDE_CURSORS": True}
    return {
        "default": {**app, **common},
        "refusals": {**app, **common, "OPTIONS": dict(app["OPTIONS"])},
        "owner": {**owner, "CONN_MAX_AGE": 0},
        "sequencer": {**login(SEQUENCER_ROLE, "DATABASE_SEQUENCER_URL"), **common},
    }
