"""`make run`: services, database, demo, then web, worker, scheduler and the others, and the demo's Notes; all of them end together."""
from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.services.postgres import Postgres
from portal.services.process import ServiceError, dies_with_parent, own_folder, stop
from portal.services.valkey import Valkey

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_PEER = _REPOSITORY / "tests" / "peer"
"""The demo's own service. It comes with the repository and not with what is installed in production; without it the demo has none."""
_RESTARTS = 5
_DRAIN_SECONDS = 20
_PATIENCE = 300
"""Seconds until the first page has to be there; a small machine that does other things as well needs a minute or two."""


def _port_free(host: str, port: int) -> None:
    """Refuse before anything slow happens."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror):
                raise ServiceError(f"HOST={host} is no address of this machine. Write 127.0.0.1, or 0.0.0.0 for all of them.") from error
            raise ServiceError(f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT={port + 1}") from error


class Child:
    """One of our own processes: started again with a growing pause when it dies, given up after a few times."""

    def __init__(self, name: str, arguments: list[str], *, logs: Path, environment: dict[str, str], vital: bool = True) -> None:
        self.name, self.arguments, self.environment, self.vital = name, arguments, environment, vital
        self.log_path = logs / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths: list[float] = []
        self.again_at = 0.0
        self.given_up = False

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments], cwd=_REPOSITORY, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=dies_with_parent(signal.SIGTERM))

    def watch(self, now: float) -> None:
        """Start it again if it died; when it dies again and again, give it up, and raise if nothing goes without it."""
        assert self.process is not None
        if self.process.poll() is None or self.given_up:
            return
        if not self.again_at:
            self.deaths = [t for t in self.deaths if now - t < 60] + [now]
            if len(self.deaths) > _RESTARTS:
                words = f"The {self.name} process ended {len(self.deaths)} times within a minute. Its log: {self.log_path}"
                if self.vital:
                    raise ServiceError(words)
                self.given_up = True
                print(f"steward: {words}", file=sys.stderr, flush=True)
                return
            self.again_at = now + 0.25 * 2 ** len(self.deaths)
            print(f"steward: the {self.name} process ended and is started again", file=sys.stderr, flush=True)
        elif now >= self.again_at:
            self.again_at = 0.0
            self.start()


class Supervisor:
    """Owns one data folder and everything that runs on it."""

    def __init__(self, *, data: Path, host: str, port: int, demo: bool) -> None:
        self.data, self.host, self.port, self.demo = data, host, port, demo
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.children: list[Child] = []
        self.stopping = False
        self.deaths: dict[str, tuple[int, float]] = {}
        self.drain = _DRAIN_SECONDS
        self.environment = dict(os.environ)

    def run(self) -> int:
        """The whole life of `make run`; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            _port_free(self.host, self.port)
            self._own_data()
            self._read_settings()
            try:
                self._start_services()
                self._prepare_database()
                self._start_children()
                self._wait_ready()
                self._start_notes()
                self._say_ready()
                self._watch()
            finally:
                self._stop_everything()
        except ServiceError as error:
            if self.stopping:
                return 0
            print(f"steward: {error}", file=sys.stderr)
            return 1
        return 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _own_data(self) -> None:
        try:
            own_folder(self.data, mode=0o711 if os.geteuid() == 0 else 0o700)
            (self.data / "logs").mkdir(mode=0o700, exist_ok=True)
            own_folder(self.data / "run", mode=0o711 if os.geteuid() == 0 else 0o700)
            self._lock = (self.data / "run" / "lock").open("a")
        except OSError as error:
            raise ServiceError(f"The data folder {self.data} cannot be written ({error.strerror}). Choose another: make run DATA=…") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ServiceError(f"Steward already runs on {self.data}. Stop it first, or choose another folder: make run DATA=…") from error

    def _read_settings(self) -> None:
        """Every setting is read before anything starts, so that a wrong one is said at once and plainly."""
        os.environ["STEWARD_DATA"] = str(self.data)
        try:
            from portal import settings as _settings  # noqa: F401  (reading it is the check)

            for name, most in (("WEB_WORKERS", 64), ("WEB_THREADS", 256)):
                env.number(name, default=1, least=1, most=most)
            self.drain += env.number("STEWARD_DRAIN_SECONDS", default=0, least=0, most=300)
        except ImproperlyConfigured as error:
            raise ServiceError(str(error)) from error

    def _start_services(self) -> None:
        found: dict[str, str] = {}
        if not os.environ.get("DATABASE_URL"):
            self.postgres = Postgres(self.data)
            self.postgres.start()
            found["database"] = self.postgres.dsn("steward", user="steward_owner")
            found["database_superuser"] = self.postgres.dsn("postgres")
        if not os.environ.get("REDIS_URL"):
            self.valkey = Valkey(self.data)
            self.valkey.start()
            found["redis"] = self.valkey.url
        path = self.data / "run" / "services.json"
        path.write_text(json.dumps(found))
        path.chmod(0o600)
        self.environment |= {"STEWARD_DATA": str(self.data), "PYTHONUNBUFFERED": "1", "TZ": "UTC", "DJANGO_SETTINGS_MODULE": "portal.settings",
                             "STEWARD_URL": os.environ.get("STEWARD_URL") or f"http://localhost:{self.port}",
                             "STEWARD_EMBEDDED_STATIC": "1", "STEWARD_DEMO": "1" if self.demo else "0", "STEWARD_DEMO_NOTES": self._notes_place()}

    def _notes_place(self) -> str:
        """Where the demo's Notes listens: on this machine only, at the port that it had, or the next free one after ours. '' where it is not started:
        without the demo, and where people come by https, from where nobody is sent to a plain address."""
        if not self.demo or not _PEER.is_dir() or os.environ.get("STEWARD_URL", "").startswith("https:"):
            return ""
        try:
            had = [int(json.loads((self.data / "notes" / "notes.json").read_text())["address"].rpartition(":")[2])]
        except (OSError, ValueError, KeyError):
            had = []
        for port in (*had, *range(self.port + 1, min(self.port + 50, 65536))):
            with suppress(ServiceError):
                if port != self.port:
                    _port_free("127.0.0.1", port)
                    return f"127.0.0.1:{port}"
        return ""

    def _manage(self, *arguments: str) -> str:
        done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=_REPOSITORY, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, preexec_fn=dies_with_parent(signal.SIGTERM))
        if done.returncode:
            (self.data / "logs" / "start.log").write_text(done.stdout + done.stderr)
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise ServiceError(f"`manage.py {arguments[0]}` failed: {lines[-1] if lines else 'no output'} (all of it: {self.data / 'logs' / 'start.log'})")
        if self.stopping:
            raise ServiceError("stopped")
        return done.stdout

    def _prepare_database(self) -> None:
        self._manage("setup_database")
        self._manage("migrate", "--no-input", "-v", "0")
        if self.demo:
            self._manage("demo")

    def _start_children(self) -> None:
        gunicorn = ["-m", "gunicorn", "portal.wsgi", "--config", "python:portal.gunicorn_config", "--bind", f"{self.host}:{self.port}"]
        for name, arguments in (("web", gunicorn), ("worker", ["manage.py", "worker"]), ("scheduler", ["manage.py", "scheduler"]),
                                ("sequencer", ["manage.py", "sequencer"]), ("signer", ["manage.py", "signer"]), ("streamer", ["manage.py", "streamer"])):
            child = Child(name, arguments, logs=self.data / "logs", environment=self.environment)
            self.children.append(child)
            child.start()

    def _start_notes(self) -> None:
        """The demo's Notes, once Steward answers: nobody waits for it."""
        known = self.data / "notes" / "notes.json"
        if not self.stopping and self.environment["STEWARD_DEMO_NOTES"] and known.exists():
            bare = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "HOME", "LD_LIBRARY_PATH"}}  # it is a stranger: of ours it knows what is in its file
            notes = Child("notes", ["-m", "tests.peer", str(known)], logs=self.data / "logs", environment={**bare, "PYTHONUNBUFFERED": "1"}, vital=False)
            self.children.append(notes)
            notes.start()

    def _wait_ready(self) -> None:
        address = f"http://{'localhost' if self.host == '0.0.0.0' else self.host}:{self.port}/readyz"  # noqa: S104
        end = time.monotonic() + _PATIENCE
        while not self.stopping:
            try:
                with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "localhost"}), timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            for child in self.children:
                child.watch(time.monotonic())
            if time.monotonic() > end:
                raise ServiceError(f"The web process did not become ready within {_PATIENCE // 60} minutes. Its log: {self.data / 'logs' / 'web.log'}")
            time.sleep(0.15)

    def _say_ready(self) -> None:
        if self.stopping:
            return
        print(f"Steward is ready at {self.environment['STEWARD_URL']}", flush=True)
        if self.demo:
            print(self._manage("demo", "--how-to-sign-in"), end="", flush=True)

    def _watch(self) -> None:
        while not self.stopping:
            now = time.monotonic()
            for service in (self.postgres, self.valkey):
                if service and service.process and service.process.poll() is not None:
                    self._revive(service, now)
            for child in self.children:
                child.watch(now)
            time.sleep(0.2)

    def _revive(self, service: Postgres | Valkey, now: float) -> None:
        """Start PostgreSQL or Valkey again, after a pause that grows to 15 seconds: what was killed leaves processes that need a
        moment to go, and a full disk needs somebody to make room. The others wait for it meanwhile and say so."""
        name = type(service).__name__
        tries, due = self.deaths.get(name, (0, now))
        if now < due:
            return
        print(f"steward: {name} ended and is started again", file=sys.stderr, flush=True)
        try:
            service.start()
            tries = 0 if now - due > 60 else tries + 1
        except ServiceError as error:
            tries += 1
            print(f"steward: {error}", file=sys.stderr, flush=True)
        self.deaths[name] = (tries, time.monotonic() + min(0.5 * 2**tries, 15.0))

    def _stop_everything(self) -> None:
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        end = time.monotonic() + self.drain
        for process in running:
            stop(process, first=signal.SIGTERM, grace=max(0.1, end - time.monotonic()))
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()
        (self.data / "run" / "services.json").unlink(missing_ok=True)


def main() -> int:
    """The command that `make run` calls: HOST, PORT and DATA come from the environment."""
    os.umask(0o077)
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        print(f"steward: PORT={text} is not a port. Choose a number from 1 to 65535.", file=sys.stderr)
        return 2
    data = Path(os.environ.get("DATA") or os.environ.get("STEWARD_DATA") or _REPOSITORY / "data").resolve()
    try:
        demo = env.flag("STEWARD_DEMO", default=True)
    except ImproperlyConfigured as error:
        print(f"steward: {error}", file=sys.stderr)
        return 2
    return Supervisor(data=data, host=os.environ.get("HOST") or "127.0.0.1", port=int(text), demo=demo).run()


if __name__ == "__main__":
    sys.exit(main())
