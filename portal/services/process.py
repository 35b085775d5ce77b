"""Child processes that cannot outlive the supervisor, however it dies."""
from __future__ import annotations

import ctypes
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_SOCKET_PATH_LIMIT = 80  # sun_path holds 107 bytes; the socket's own name needs the rest


class ServiceError(Exception):
    """A service cannot start; the message is one line for a person."""


def dies_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """For Popen(preexec_fn=…): the child gets its own process group (Ctrl-C reaches the supervisor only) and
    `death_signal` when its parent dies, even by kill -9. Linux only; elsewhere the next start cleans up."""

    def prepare() -> None:
        os.setpgrp()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal))

    return prepare


def private_place(path: Path) -> Path:
    """A folder under /var/tmp, or STEWARD_PLACE, named after `path`, for what cannot live beside it (socket too long, home not reachable)."""
    name = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    base = Path(os.environ.get("STEWARD_PLACE") or "/var/tmp")  # noqa: S108 (its own folder there is checked for its owner)
    if not base.is_dir():
        base = Path(tempfile.gettempdir())
    return base / f"steward-{os.getuid()}-{name}"


def own_folder(path: Path, *, mode: int) -> Path:
    """Make `path` with exactly `mode`, and refuse a folder that somebody else put there first."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid not in {os.getuid(), _nobody()}:
        raise ServiceError(f"{path} belongs to another user. Remove it, or choose another data folder with DATA=…")
    path.chmod(mode)
    return path


def _nobody() -> int:
    import pwd

    try:
        return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else os.getuid()
    except KeyError:
        return os.getuid()


def socket_folder(data: Path) -> Path:
    """Where the sockets of this data folder live: `<data>/run`, or a private place where that path is too long or has signs that clients of
    Valkey trip over: they read the list of connections, in which a space stands between values and an equals sign before them."""
    wanted = data / "run"
    if len(str(wanted)) <= _SOCKET_PATH_LIMIT and re.fullmatch(r"[^\s=]+", str(wanted)):
        return own_folder(wanted, mode=0o700)
    return own_folder(own_folder(private_place(data), mode=0o711) / "run", mode=0o700)


def stop(process: subprocess.Popen[bytes] | None, *, first: signal.Signals, grace: float) -> None:
    """Ask a child to end, wait, and end it by force if it does not."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(first)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def until_it_answers(process: subprocess.Popen[Any], what: str, ask: Callable[[], object], *, not_yet: type[Exception], timeout: float, log: Path) -> None:
    """Ask a service that was just started until it answers. Raises ServiceError when it ends instead, or when the time is over."""
    end = time.monotonic() + timeout
    while True:
        if process.poll() is not None:
            raise ServiceError(f"{what} ended at once (status {process.returncode}). Its log: {log}")
        try:
            ask()
            return
        except not_yet as error:
            if time.monotonic() > end:
                raise ServiceError(f"{what} did not answer within {timeout:.0f} s. Its log: {log}") from error
            time.sleep(0.02)
