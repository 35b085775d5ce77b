"""Our real programs, started on the tests' own database and Valkey, and ended by the tests that started them."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.ground.test_run import ROOT, free_port

TOKEN = "measure-" * 4


class Program:
    """One process of ours; what it says goes to a file."""

    def __init__(self, arguments: list[str], log: Path, **variables: str) -> None:
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1", **variables}, stdout=file, stderr=file, start_new_session=True)

    def end(self, *, within: float) -> float:
        """Ask it to end; how long that took. Fails when it takes longer."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(within)
        return time.monotonic() - began

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def said(self) -> str:
        return self.log.read_text()


class Command(Program):
    """A command that runs until it is told to stop."""

    def __init__(self, name: str, log: Path, **variables: str) -> None:
        super().__init__(["manage.py", name], log, **variables)
        self.until(f"the {name} runs")

    def until(self, *words: str) -> None:
        """Wait until it has said one of these."""
        end = time.monotonic() + 60
        while not any(word in self.said() for word in words):
            assert time.monotonic() < end and self.process.poll() is None, self.said()
            time.sleep(0.05)


class Web(Program):
    def __init__(self, log: Path, **variables: str) -> None:
        self.port = free_port()
        super().__init__(["-m", "gunicorn", "portal.wsgi", "--config", "python:portal.gunicorn_config", "--bind", f"127.0.0.1:{self.port}"], log,
                         **{"STEWARD_LOG_FORMAT": "json", "STEWARD_METRICS_TOKEN": TOKEN, "WEB_WORKERS": "2", "WEB_THREADS": "4", **variables})

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Connection": "close", **headers})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self, path: str = "/readyz", *, status: int = 200) -> str:
        end = time.monotonic() + 60
        while True:
            try:
                code, text = self.get(path)
                if code == status:
                    return text
            except OSError:
                code, text = 0, "no answer"
            assert time.monotonic() < end and self.process.poll() is None, (code, text, self.said())
            time.sleep(0.1)

    def measured(self) -> dict[str, float]:
        code, text = self.get("/metrics", Authorization=f"Bearer {TOKEN}")
        assert code == 200, text
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


@contextmanager
def running(program: Program) -> Iterator[Program]:
    try:
        yield program
    finally:
        program.kill()


@contextmanager
def held(table: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """While this lasts, whoever reads the table waits."""
    from django.db import connection

    with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], dbname=str(connection.settings_dict["NAME"])) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield holder


def wait_for_waiters(table: str) -> None:
    """Until somebody waits for the table that is held."""
    from django.db import connection

    end = time.monotonic() + 90
    with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], dbname=str(connection.settings_dict["NAME"]), autocommit=True) as looker:
        while not looker.execute("SELECT 1 FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [table]).fetchone():
            assert time.monotonic() < end, f"nobody waits for {table}"
            time.sleep(0.05)
