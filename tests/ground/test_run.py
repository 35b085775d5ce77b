"""`make run`'s supervisor: starts, keeps, ends everything, and says plainly what is in the way."""
from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int) -> dict[str, str]:
    """As a shell has it: nothing of the tests' own services."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("STEWARD_", "DATABASE_", "REDIS_", "DJANGO_", "PYTEST"))}
    return {**kept, "DATA": str(data), "PORT": str(port), "STEWARD_PLACE": os.environ["STEWARD_PLACE"]}


class Run:
    def __init__(self, data: Path, port: int | None = None) -> None:
        self.data, self.port = data, port or free_port()
        self.process = subprocess.Popen([sys.executable, "-m", "portal.services.supervisor"], cwd=ROOT, env=environment(data, self.port), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ready(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Steward is ready at"), (line, self.process.stderr.read() if self.process.stderr else "")
        return line

    def family(self) -> list[int]:
        """Every process that works on this data folder, whoever its parent is."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and str(self.data).encode() in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes() and (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
                    found.append(int(entry.name))
            except OSError:
                continue
        return [pid for pid in found if pid != os.getpid()]

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()

    def stop(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(40)
        end = time.monotonic() + 20
        while self.family() and time.monotonic() < end:
            time.sleep(0.1)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder with a space and an equals sign in its name, and a path short enough for sockets to lie in it."""
    with tempfile.TemporaryDirectory(prefix="a=our data ", dir="/tmp") as folder:
        yield Path(folder) / "steward data"


def test_a_whole_life(data: Path) -> None:
    run = Run(data)
    run.ready()
    assert run.get("/readyz") == (200, "ready\n")
    assert "Sign in" in run.get("/sign-in/")[1]
    assert run.get("/static/app.css")[0] == 200
    notes = data / "notes" / "notes.json"
    assert notes.stat().st_mode & 0o777 == 0o600 and notes.parent.stat().st_mode & 0o777 == 0o700
    address, end = json.loads(notes.read_text())["address"], time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert "Sign in with Northwind" in answer.read().decode(), "the demo's own service runs beside it"
                break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
    second = subprocess.run([sys.executable, "-m", "portal.services.supervisor"], cwd=ROOT, env=environment(data, free_port()), capture_output=True, text=True, check=False, timeout=180)
    assert (second.returncode, len(second.stderr.strip().splitlines())) == (1, 1)
    assert "already runs" in second.stderr
    shell = subprocess.run([sys.executable, "manage.py", "power", "--dry-run", "access.suspend", "--org", "northwind", "--as", "owner@northwind.example", "member@northwind.example", "--set", "reason_code=absence"],
                           cwd=ROOT, env={**environment(data, run.port), "STEWARD_DATA": str(data)}, capture_output=True, text=True, check=False, timeout=180)
    assert (shell.returncode, "would be done" in shell.stdout) == (0, True), shell.stderr
    assert len(run.family()) > 5
    run.stop(signal.SIGKILL)
    assert run.family() == []
    again = Run(data)
    again.ready()
    verified = subprocess.run([sys.executable, "manage.py", "verify_audit"], cwd=ROOT, env={**environment(data, again.port), "STEWARD_DATA": str(data)}, capture_output=True, text=True, check=False, timeout=180)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert re.search(r"northwind: [1-9][0-9]* entries", verified.stdout), "the schedule may have written too by then"
    again.stop(signal.SIGINT)
    assert again.process.returncode == 0
    assert again.family() == []
    assert again.process.stderr is not None and "started again" not in again.process.stderr.read(), "every process of it stays up"


def refusal(data: Path, port: str) -> str:
    done = subprocess.run([sys.executable, "-m", "portal.services.supervisor"], cwd=ROOT, env={**environment(data, 0), "PORT": port}, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "make run PORT=" in refusal(tmp_path / "data", str(taken.getsockname()[1]))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    assert "not a port" in refusal(tmp_path / "data", port)


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "make run DATA=" in refusal(tmp_path / "file" / "data", str(free_port()))


@pytest.mark.parametrize(("variables", "words"), [
    ({"STEWARD_SECRET_KEY": "short"}, "fewer than 32"), ({"DATABASE_URL": "mysql://x/y"}, "postgresql://"), ({"DATABASE_URL": "postgresql://h"}, "names no database"), ({"DATABASE_URL": "postgresql://h:x/n"}, "not a number"),
    ({"REDIS_URL": "http://x"}, "REDIS_URL"), ({"STEWARD_URL": "portal"}, "STEWARD_URL"), ({"STEWARD_DEMO": "perhaps"}, "Write 1 or 0"),
    ({"DATABASE_URL": "postgresql://h/n", "REDIS_URL": "redis://h"}, "STEWARD_SECRET_KEY is not set")])
def test_settings_say_what_is_wrong(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env={**environment(tmp_path, 1), "STEWARD_DATA": str(tmp_path), **variables}, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_service_runs(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "manage.py", "verify_audit"], cwd=ROOT, env={**environment(tmp_path, 1), "STEWARD_DATA": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 2
    assert "make run" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
