"""Makes the virtual environment and installs hash-locked requirements into it, only when they changed.

Runs with the system's Python before anything is installed, so it uses the standard library only.
"""
from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path


def problem() -> str:
    """What this machine is missing, in one line with the remedy, or ''."""
    if sys.version_info < (3, 11):
        return f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Choose another: make run PYTHON=python3.12"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        return f"Python's venv module is missing. Install it (Debian, Ubuntu: apt-get install {package}), then try again."
    return ""


def main(arguments: list[str]) -> int:
    """install.py VENV REQUIREMENTS…: 0 when everything is installed, 1 with one line when not."""
    venv, files = Path(arguments[0]), [Path(name) for name in arguments[1:]]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in files) + sys.version.encode()).hexdigest()[:16]
    mark = venv / f".installed-{wanted}"
    python = venv / "bin" / "python"
    if mark.exists() and subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0:
        return 0
    if not python.exists() or subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        if missing := problem():
            print(f"steward: {missing}", file=sys.stderr)
            return 1
        shutil.rmtree(venv, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
        if made.returncode:
            print(f"steward: the virtual environment cannot be made in {venv.resolve()}: {(made.stderr or made.stdout).strip().splitlines()[-1]}", file=sys.stderr)
            return 1
    print("steward: installing (once, about half a minute)", file=sys.stderr, flush=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes"]
    for path in files:
        command += ["-r", str(path)]
    if subprocess.run(command, check=False).returncode:
        print("steward: the installation failed; the lines above say why. Nothing was started.", file=sys.stderr)
        return 1
    mark.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
