"""Temporary folders of processes that were killed are removed by the next one; those in which somebody lives are not."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from portal.services.folders import held

_LIVES = "import sys, time; from pathlib import Path; from portal.services.folders import held; print(held('kept-', within=Path(sys.argv[1])), flush=True); time.sleep(60)"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    def another() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", _LIVES, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (killed, left), (living, used) = another(), another()
    (left / "counter.db").write_text("1")
    foreign = tmp_path / "kept-by-hand"
    foreign.mkdir()
    try:
        killed.kill()
        killed.wait(10)
        held("kept-", within=tmp_path)
        assert left.is_dir(), "just made: its process may be about to lock it"
        for folder in (left, used, foreign):
            os.utime(folder, (0, 0))
        held("kept-", within=tmp_path)
        assert not left.exists() and used.is_dir() and foreign.is_dir()
    finally:
        living.kill()
        living.wait(10)
