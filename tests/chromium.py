"""Finds Chromium for the browser tests, or installs it: as root with apt, otherwise privately into .cache."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRIVATE = ROOT / ".cache" / "chromium"
PACKAGES = ["chromium", "libatomic1", "fonts-liberation"]
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def find() -> str | None:
    """The program, or None."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    private = PRIVATE / "root" / "usr" / "lib" / "chromium" / "chromium"
    return str(private) if private.exists() else None


def environment() -> dict[str, str]:
    """What a private installation needs to find its libraries and fonts; Playwright's own driver needs libatomic too."""
    root = PRIVATE / "root"
    if not root.exists():
        return {}
    libraries = [str(p) for p in (
        root / "usr" / "lib" / "x86_64-linux-gnu", root / "usr" / "lib" / "aarch64-linux-gnu", root / "lib" / "x86_64-linux-gnu", root / "usr" / "lib" / "chromium") if p.exists()]
    libraries += [str(p) for p in (root / "usr" / "lib").glob("*-linux-gnu/*") if p.is_dir() and any(p.glob("*.so*"))]
    return {"LD_LIBRARY_PATH": ":".join([*libraries, os.environ.get("LD_LIBRARY_PATH", "")]), "FONTCONFIG_SYSROOT": str(root)}


def _has_atomic() -> bool:
    folders = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64")
    return any(True for folder in folders for _found in Path(folder).glob("libatomic.so.1*"))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise SystemExit(f"steward: Chromium cannot be installed: {lines[-1] if lines else command[0]}. Install it by hand, or name one: CHROMIUM=/path make test")


def install() -> None:
    """Install what is missing; a plain message when this machine offers no way."""
    if shutil.which("apt-get") is None:
        raise SystemExit("steward: the browser tests need Chromium and libatomic. Install them, or name Chromium: CHROMIUM=/path make test")
    print("steward: installing Chromium for the browser tests (once, about a minute)", file=sys.stderr, flush=True)
    if os.geteuid() == 0:
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES])
        return
    state, cache = PRIVATE / "state", PRIVATE / "cache"
    for folder in (state / "lists" / "partial", cache / "archives" / "partial", PRIVATE / "root"):
        folder.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = ["-o", f"Dir::State={state}", "-o", f"Dir::State::status={state / 'status'}", "-o", f"Dir::Cache={cache}", "-o", "Debug::NoLocking=1"]
    _run(["apt-get", *options, "update", "-qq"])
    _run(["apt-get", *options, "install", "-y", "-qq", "--no-install-recommends", "--download-only", *PACKAGES])
    for package in sorted((cache / "archives").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(PRIVATE / "root")])
    shutil.rmtree(cache)


def main() -> int:
    """`python -m tests.chromium`: 0 when the browser tests can run."""
    if find() is None or not (_has_atomic() or (PRIVATE / "root").exists()):
        install()
    if find() is None:
        raise SystemExit("steward: Chromium was installed and is not found. Name it: CHROMIUM=/path make test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
