"""Temporary folders that go with their process, also when nobody had time to remove them."""
from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_MARK = ".held"
_YOUNG = 60.0
"""Seconds in which a folder may be there whose process has not locked it yet."""
_held: list[int] = []


def held(prefix: str, *, within: Path | None = None) -> Path:
    """A new folder for as long as this process, or one that it forked, is there. What processes that were killed left behind under this prefix is removed first."""
    base = within or Path(tempfile.gettempdir())
    for left in base.glob(f"{prefix}*"):
        _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    mark = os.open(folder / _MARK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    fcntl.flock(mark, fcntl.LOCK_EX)
    _held.append(mark)  # never closed: the lock ends with the last process that has it
    return folder


def _remove_if_left(folder: Path) -> None:
    """Only what is ours and whose lock nobody holds."""
    try:
        found = folder.lstat()
        if found.st_uid != os.getuid() or found.st_mtime > time.time() - _YOUNG:
            return
        mark = os.open(folder / _MARK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # somebody lives in it
    finally:
        os.close(mark)
