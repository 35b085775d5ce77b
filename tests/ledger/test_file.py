"""The ledger's file: a chain, on the disk before anybody goes on, safe between processes, and honest about what is damaged."""
from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from dsar import ledger
from dsar.ledger import file

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def folder(settings: object, tmp_path: Path) -> Path:
    settings.LEDGER = tmp_path / "made" / "ledger"  # type: ignore[attr-defined]
    return tmp_path / "made" / "ledger"


def write(*kinds: str, subject: uuid.UUID | None = None) -> list[file.Line]:
    return file.append([file.Draft(kind, None, subject, {"n": 1, "day": "2026-11-27", "yes": True, "nothing": None}) for kind in kinds], tx="1.2.3.4", now=NOW)


def test_a_chain_of_whole_lines(folder: Path) -> None:
    who = uuid.uuid4()
    assert file.tail() is None and list(file.walk()) == []
    [first], [second, third] = write("account.purge", subject=who), write("log.erased", "hold.state")
    lines = list(file.walk())
    assert [one.seq for one in lines] == [1, 2, 3] and lines == [first, second, third] and lines[0].subject == who
    assert [one.seq for one in file.walk(after=2)] == [3] and file.tail() == file.Tail(3, third.hash)
    assert file.path().stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ValueError, match="lower case"):
        write("Nobody wrote <this>")


def test_a_torn_last_line_goes_and_a_changed_one_stops_everything(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write("a.one", "a.two", "a.three")
    whole = file.path().read_bytes()
    for cut in (1, 40, len(whole.splitlines()[-1])):  # a crash in the middle of a line that nobody was told of
        file.path().write_bytes(whole[:-cut])
        assert file.tail() == file.Tail(2, list(file.walk())[1].hash)
        caplog.clear()
        assert write("a.three")[0].seq == 3 and "not finished when something crashed" in caplog.text
        assert [one.kind for one in file.walk()] == ["a.one", "a.two", "a.three"]
    rows = file.path().read_bytes().splitlines(keepends=True)
    for broken, says in ((rows[0] + rows[1].replace(b"a.two", b"a.owt") + rows[2], "line 2 .* was changed"), (rows[0] + rows[2], "line 2 .* does not continue"), (rows[0] + b"{}\n" + rows[2], "line 2 .* cannot be read"),
                         (b"\x00" * 9 + rows[0][9:] + rows[1], "line 1 .* cannot be read")):
        file.path().write_bytes(broken)
        with pytest.raises(file.Damaged, match=says):
            list(file.walk())
    file.path().write_bytes(rows[0] + rows[1].replace(b"a.two", b"a.owt"))
    with pytest.raises(ledger.Unavailable, match=r"last line .* was changed"):
        write("a.more")


def test_processes_take_turns(folder: Path) -> None:
    code = ("import os,sys,django;os.environ.setdefault('DJANGO_SETTINGS_MODULE','portal.settings');django.setup();from dsar.ledger import file;from datetime import datetime,UTC\n"
            "for n in range(40): file.append([file.Draft('p.line', None, None, {'from': os.getpid()})]*2, tx='1.1.1.1', now=datetime.now(UTC))")
    running = [subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "STEWARD_LEDGER": str(folder)}, cwd=django_settings.BASE_DIR) for _ in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    assert len(list(file.walk())) == 160


def test_no_room_no_line(folder: Path) -> None:
    """A file may grow to a limit only, as on a full disk: nothing half stays, and it goes on when there is room."""
    write("a.one")
    before, limits, handler = file.path().read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(ledger.Unavailable, match="cannot be written: File too large"):
            write("a.two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert file.path().read_bytes() == before and write("a.two")[0].seq == 2
    file.path().unlink()
    folder.rmdir()
    folder.write_text("a file stands where the folder was")
    with pytest.raises(ledger.Unavailable, match="cannot be written"):
        write("a.three")
