"""Settings from the environment: parsing that says in one line what is wrong and what to write instead."""
from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

APP_ROLE = "steward_app"
SEQUENCER_ROLE = "steward_sequencer"
SIGNER_ROLE = "steward_signer"


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


def number(name: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} is '{text}'. Write a whole number from {least} to {most}.")
    return int(text)


def years(name: str, *, default: tuple[int, int]) -> tuple[int, int]:
    """A range of years such as 1-10."""
    given = os.environ.get(name, "").strip()
    if not given:
        return default
    found = re.fullmatch(r"([1-9][0-9]?)-([1-9][0-9]?)", given)
    if not found or int(found[1]) > int(found[2]):
        raise ImproperlyConfigured(f"{name} is {given[:40]!r}; write it as the shortest and the longest time in years, such as 1-10")
    return int(found[1]), int(found[2])


def choice(name: str, *, default: str, among: tuple[str, ...]) -> str:
    """One of a few words."""
    text = os.environ.get(name, "").strip() or default
    if text not in among:
        raise ImproperlyConfigured(f"{name} is '{text}'. Write one of: {', '.join(among)}")
    return text


def address(name: str, *, default: str) -> str:
    """The address people use: scheme and host, no path."""
    text = (os.environ.get(name, "").strip() or default).rstrip("/")
    example = f"{name} must be the address people use, such as https://portal.example.org"
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (raises when it is no port)
    except ValueError as error:
        raise ImproperlyConfigured(example) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s\\]", text):
        raise ImproperlyConfigured(example)
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ImproperlyConfigured(f"{name} must end after the host and port: Steward needs an address of its own, such as https://portal.example.org")
    return text


def mail_host(name: str) -> str:
    """The name or number of the mail server."""
    text = os.environ.get(name, "").strip() or "localhost"
    if re.search(r"[\s/@]", text):
        raise ImproperlyConfigured(f"{name} must be the name of the mail server alone, such as mail.example.org")
    return text


def sender(name: str, *, default: str) -> str:
    """The From of our mails: an address, with or without a name before it."""
    text = os.environ.get(name, "").strip() or default
    found = parseaddr(text)[1]
    if "\n" in text or "\r" in text or not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", found):
        raise ImproperlyConfigured(f"{name} must be an e-mail address, such as Steward <steward@example.org>")
    return text


def token(name: str) -> str:
    """A secret that another program shows us, or '' when that program is not served."""
    text = os.environ.get(name, "").strip()
    if text and (len(text) < 20 or not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text)):
        raise ImproperlyConfigured(f"{name} must be 20 or more letters and digits. Make one with: openssl rand -hex 32")
    return text


def web_address(name: str) -> str:
    """The address of a service that is asked over HTTP, or ''."""
    text = os.environ.get(name, "").strip()
    if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname or re.search(r"\s", text)):
        raise ImproperlyConfigured(f"{name} must be an address such as https://service.example.org/path")
    return text


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks, separated by commas."""
    try:
        return [ipaddress.ip_network(text) for text in filter(None, (part.strip() for part in os.environ.get(name, "").split(",")))]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be networks separated by commas, such as 10.1.0.0/16,fd00:1::/32") from error


def servers(name: str, *, port: int) -> list[tuple[str, int]]:
    """Servers by address, with or without a port: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`, separated by commas."""
    found = []
    for text in filter(None, (part.strip() for part in os.environ.get(name, "").split(","))):
        try:
            parts = urlsplit(f"//{text}")
            found.append((str(ipaddress.ip_address(parts.hostname or "")), parts.port or port))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must be addresses separated by commas, such as 192.0.2.53,[2001:db8::53]:53") from error
    return found


def folder(name: str) -> str:
    """A folder that is there and that we may write to, or ''."""
    text = os.environ.get(name, "").strip()
    if text and not (Path(text).is_absolute() and Path(text).is_dir() and os.access(text, os.W_OK | os.X_OK)):
        raise ImproperlyConfigured(f"{name} must be the full path of a folder that exists and that Steward may write to")
    return text


def witnesses(name: str) -> list[dict[str, str]]:
    """Witnesses of the root log: `name vkey address`, separated by semicolons."""
    found = []
    for text in filter(None, (part.strip() for part in os.environ.get(name, "").split(";"))):
        words = text.split()
        if len(words) != 3 or words[1].count("+") < 2 or urlsplit(words[2]).scheme not in {"http", "https"}:
            raise ImproperlyConfigured(f"{name} must be `name vkey https://address`, several of them separated by semicolons")
        found.append({"name": words[0], "vkey": words[1], "url": words[2]})
    return found


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


def backup_key(name: str, *, otherwise: bytes) -> bytes:
    """32 bytes from a key for backups of its own, or those derived from the installation's secret."""
    given = os.environ.get(name, "").strip()
    if given and len(given) < 32:
        raise ImproperlyConfigured(f"{name} has fewer than 32 characters. Make one with: openssl rand -hex 32")
    return hashlib.sha256(f"steward:backup:{given}".encode()).digest() if given else otherwise


def programs(name: str) -> str:
    """A folder with programs, or ''."""
    text = os.environ.get(name, "").strip()
    if text and not (Path(text).is_absolute() and Path(text).is_dir()):
        raise ImproperlyConfigured(f"{name} must be the full path of the folder with pg_dump, pg_restore and psql")
    return text


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
    if unknown := sorted(set(options) - _libpq_words()):
        raise ImproperlyConfigured(f"{variable} has an option that PostgreSQL's clients do not know: {unknown[0]}")
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""), "HOST": query.get("host") or unquote(parts.hostname or ""),
        "PORT": str(query.get("port") or port or ""), "OPTIONS": {"connect_timeout": "5", **options},
    }


def _libpq_words() -> set[str]:
    from psycopg.pq import Conninfo

    return {option.keyword.decode() for option in Conninfo.get_defaults()}


def redis_url(url: str) -> str:
    """REDIS_URL as redis-py reads it: redis://, rediss:// or unix:///path."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured("REDIS_URL must begin with redis://, rediss:// or unix:///")
    try:
        parts.port  # noqa: B018 (raises when it is no port)
    except ValueError as error:
        raise ImproperlyConfigured("REDIS_URL has a port that is not a number.") from error
    if parts.scheme != "unix" and (not parts.hostname or not re.fullmatch(r"/?[0-9]*", parts.path)):
        raise ImproperlyConfigured("REDIS_URL must name a server and the number of its database, such as redis://cache.example.org:6379/0")
    return url


def running_services(data: Path) -> dict[str, str]:
    """What the supervisor that owns this data folder wrote down, or {} when none runs."""
    try:
        return json.loads((data / "run" / "services.json").read_text())
    except (OSError, ValueError):
        return {}


def _patient(options: dict[str, object]) -> dict[str, object]:
    """A migration that cannot get its lock gives up: everybody else's queries would queue behind it."""
    return {**options, "options": f"{options.get('options', '')} -c lock_timeout=15s".strip()}


def databases(*, data: Path, secret: str) -> dict[str, dict[str, object]]:
    """The logins: `owner` changes the schema, `default` serves, `refusals` is the same on its own connection, `sequencer` numbers
    the log, `signer` signs what it has checked; `keys_owner` and `keys` are owner and serving login of the keys' database."""
    owner_url = os.environ.get("DATABASE_URL") or running_services(data).get("database", "")
    if not owner_url:
        owner_url = "postgresql://steward_owner@/steward?host=/nonexistent-start-with-make-run"
    owner = database(owner_url, variable="DATABASE_URL")

    keys_url = os.environ.get("DATABASE_KEYS_URL", "")
    keys = database(keys_url, variable="DATABASE_KEYS_URL") if keys_url else {**owner, "NAME": f"{owner['NAME']}_keys"}
    if (keys["HOST"], keys["PORT"], keys["NAME"]) == (owner["HOST"], owner["PORT"], owner["NAME"]):
        raise ImproperlyConfigured("DATABASE_KEYS_URL names the same database as DATABASE_URL. Keys need one of their own, so that no backup holds both.")

    def login(role: str, variable: str, *, of: dict[str, object] = owner) -> dict[str, object]:
        if os.environ.get(variable):
            return database(os.environ[variable], variable=variable)
        return {**of, "USER": role, "PASSWORD": role_password(secret, role)}

    app = login(APP_ROLE, "DATABASE_APP_URL")
    common = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "DISABLE_SERVER_SIDE_CURSORS": True}
    # Values travel beside the statement, arrays in binary, and statements that come again and again are planned once.
    spoken = {"server_side_binding": True, "prepare_threshold": 3}
    sequencer = login(SEQUENCER_ROLE, "DATABASE_SEQUENCER_URL")
    signer = login(SIGNER_ROLE, "DATABASE_SIGNER_URL")
    served_keys = login(APP_ROLE, "DATABASE_KEYS_APP_URL", of=keys)
    return {
        "default": {**app, **common, "OPTIONS": {**app["OPTIONS"], **spoken}},
        "refusals": {**app, **common, "OPTIONS": {**app["OPTIONS"], **spoken}},
        "owner": {**owner, "CONN_MAX_AGE": 0, "OPTIONS": _patient(dict(owner["OPTIONS"]))},  # type: ignore[call-overload]
        "sequencer": {**sequencer, **common, "OPTIONS": {**sequencer["OPTIONS"], **spoken}},
        "signer": {**signer, **common, "OPTIONS": {**signer["OPTIONS"], **spoken}},
        "keys": {**served_keys, **common, "OPTIONS": {**served_keys["OPTIONS"], **spoken}},
        "keys_owner": {**keys, "CONN_MAX_AGE": 0, "OPTIONS": _patient(dict(keys["OPTIONS"]))},  # type: ignore[call-overload]
    }
