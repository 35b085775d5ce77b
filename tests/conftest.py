"""Every test commits to a real database. Tests do not disturb each other because each has its own organizations."""
from __future__ import annotations

import gc
import inspect
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache, caches
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.client import ClientHandler
from django.test.signals import setting_changed

from accounts import tenancy
from tests.plugin_services import TEMPLATE

Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 64, 1
"""The same hash, made to be cheap: what it costs whoever guesses passwords is the library's default, and no promise of these tests. Before the cast gets its passwords."""

from tests.cast import World  # noqa: E402

_LONG = ("test_run.py::test_a_whole_life", "test_chaos.py", "test_disk.py", "test_contract.py", "test_examples.py", "test_law.py::test_wrong_types", "test_rights_door.py::test_nothing_else", "test_races.py::", "test_machine.py::",
         "test_claims.py::test_contested", "test_verify_html.py::test_a_hundred", "test_verify_command.py::test_findings", "test_streams.py::test_killed", "test_guide.py", "test_rights_killed.py", "test_ledger.py", "test_drill.py")

hypothesis.settings.register_profile("steward", deadline=None)  # how long an example takes says more about what else the machine does
hypothesis.settings.load_profile("steward")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first for each worker, which begins with a quarter of all: otherwise the last minutes belong to one test and three workers wait."""
    long, short = [i for i in items if any(name in i.nodeid for name in _LONG)], [i for i in items if not any(name in i.nodeid for name in _LONG)]
    quarter = -(-len(short) // 4)
    items[:] = [one for n in range(4) for one in (*long[n::4], *short[n * quarter:(n + 1) * quarter])]


def pytest_collection_finish() -> None:
    """What is there for the whole run is not looked through again whenever memory is tidied, and that happens more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest) -> Iterator[None]:
    """A copy of the migrated template for this worker; all logins point to it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"steward_test_{worker}"
    _copy(name)
    for alias in connections:
        settings.DATABASES[alias]["NAME"] = connections[alias].settings_dict["NAME"] = f"{name}_keys" if alias.startswith("keys") else name
    os.environ["DATABASE_URL"] = os.environ["DATABASE_URL"].replace(f"/{TEMPLATE}?", f"/{name}?")
    settings.LEDGER = Path(os.environ["STEWARD_DATA"]) / f"ledger-{name}"  # each database has its own
    os.environ["STEWARD_LEDGER"] = str(settings.LEDGER)
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    os.environ["REDIS_URL"] = settings.CACHES["default"]["LOCATION"] = settings.RQ_QUEUES["default"]["URL"] = f"{settings.REDIS_URL}?db={number}"
    yield
    connections.close_all()


def _copy(name: str) -> None:
    """A new database with its keys, instead of the one that may be there."""
    with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], autocommit=True) as connection:
        for made, template in ((name, TEMPLATE), (f"{name}_keys", f"{TEMPLATE}_keys")):
            connection.execute(f"DROP DATABASE IF EXISTS {made} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {made} TEMPLATE {template} OWNER steward_owner STRATEGY FILE_COPY")


@pytest.fixture(scope="module")
def alone(django_db_setup: None, django_db_blocker: object) -> None:
    """An installation in which nothing has happened yet, for a module whose tests look at all of it: it takes a second, and spares them what others left."""
    from tests.audit.logs import forget_the_night

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connections.close_all()
        forget_the_night()
        _copy(settings.DATABASES["default"]["NAME"])
        shutil.rmtree(settings.LEDGER, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _one_chain() -> Iterator[None]:
    """Clients of this process share one chain of middleware, as the requests of a server do: building it costs 24 ms, and there are thousands of clients. A test that changes a setting gets a new one."""
    chain: dict[str, object] = {}
    load = ClientHandler.load_middleware

    def shared(self: ClientHandler, is_async: bool = False) -> None:
        if not chain:
            load(self, is_async)
            chain.update({name: value for name, value in vars(self).items() if "middleware" in name})
        vars(self).update(chain)

    def forget(setting: str, **_signal: object) -> None:
        if setting not in {"EMAIL_BACKEND", "MAILBOX"}:  # every test has a mailbox of its own
            chain.clear()

    setting_changed.connect(forget)
    ClientHandler.load_middleware = shared  # type: ignore[method-assign]
    yield
    ClientHandler.load_middleware = load  # type: ignore[method-assign]
    setting_changed.disconnect(forget)


@pytest.fixture(autouse=True)
def database(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """Real commits, no rollback. A connection begins without a scope, a lock or a setting of a test before; it stays open, because a new one has to learn the whole catalogue anew."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        for one in connections.all(initialized_only=True):
            _fresh(one)


def _fresh(one: BaseDatabaseWrapper) -> None:
    if one.connection is None:
        return
    if not one.in_atomic_block and one.get_autocommit() and not one.errors_occurred:
        try:
            one.connection.execute("RESET ALL; SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; DISCARD TEMP", prepare=False)
        except psycopg.Error:
            one.close()
    else:
        one.close()


@pytest.fixture(autouse=True)
def empty_cache(settings: object, tmp_path: Path) -> None:
    """Rate limits start anew, with a cache object on which no test before has put anything, and mail goes to a mailbox of this test."""
    caches.close_all()
    if hasattr(caches._connections, "default"):
        del caches["default"]
    cache.clear()
    settings.EMAIL_BACKEND, settings.MAILBOX = "portal.mailbox.Backend", tmp_path / "mailbox"  # type: ignore[attr-defined]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """Two organizations with a cast of named people, committed. What tests before it left to be read and sent is not this test's work."""
    return _made(request)


@pytest.fixture(scope="module")
def standing(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: object) -> World:
    """The same, one for all tests of a module that only look, or are refused whatever they try."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        return _made(request)


def _made(request: pytest.FixtureRequest) -> World:
    """The second organization is there from the beginning where the module speaks of it, so that nothing is made in the middle of what a test measures; elsewhere it is made when something asks for it."""
    from tests.audit.logs import nothing_waits

    nothing_waits()
    with tenancy.installation("tests make their world"):
        made = World()
    if "contoso" in inspect.getsource(request.module):
        assert made.contoso
    return made


@pytest.fixture
def signing(settings: object, tmp_path: Path) -> Iterator[None]:
    """A signer's first day, with keys and a memory in a folder of this test."""
    from tests.audit.signing import fresh_signing, release

    with fresh_signing(settings, tmp_path):
        yield
        release()
