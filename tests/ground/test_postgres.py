"""The lock of a cluster after a kill -9: whose number it names decides, not that the number is taken."""
from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from portal.services.postgres import Postgres
from portal.services.process import ServiceError


def _answers(server: Postgres) -> bool:
    with psycopg.connect(server.dsn("postgres"), connect_timeout=3) as connection:
        row = connection.execute("SELECT 1").fetchone()
    return row == (1,)


@pytest.fixture
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Postgres, Postgres]:
    first, second = (Postgres(tmp_path_factory.mktemp(name), durable=False) for name in ("one", "two"))
    first.start()
    return first, second


def test_whose_number_the_lock_names(two: tuple[Postgres, Postgres]) -> None:
    first, second = two
    try:
        assert first.process is not None
        second._make_cluster()
        lock = second.cluster / "postmaster.pid"
        for number in (first.process.pid, os.getpid(), 2**22 - 1):  # another cluster's server, another program, nobody
            lock.write_text(f"{number}\n")
            second.start()
            assert _answers(second) and _answers(first)
            second.stop()
        rival = Postgres(first.cluster.parent, durable=False)
        rival.cluster, rival.sockets = first.cluster, first.sockets
        with pytest.raises(ServiceError, match="already runs on"):
            rival._remove_stale_lock(patience=0.3)
        assert _answers(first), "a server that lives is left alone"
        ended = threading.Timer(1, subprocess.run, [["kill", "-INT", str(first.process.pid)]])
        ended.start()
        reaper = threading.Thread(target=first.process.wait)
        reaper.start()
        began = time.monotonic()
        rival.start()
        assert time.monotonic() - began > 0.9 and _answers(rival), "one that is ending is waited for"
        rival.stop()
        assert not (Path(rival.cluster) / "postmaster.pid").exists()
    finally:
        first.stop()
        second.stop()
