"""`manage.py` in tests: as its own process, as people start it, or in this one, where only the answer matters and there are many."""
from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from unittest.mock import patch

import manage as program
from tests.plugin_services import ROOT

Done = subprocess.CompletedProcess[str]


def manage(*arguments: str, **variables: str) -> Done:
    """The command as a process of its own."""
    return subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **variables})


def manage_here(*arguments: str) -> Done:
    """The same in this process: a tenth of the time, and the settings of the test."""
    out, err = io.StringIO(), io.StringIO()
    with patch.object(sys, "argv", ["manage.py", *arguments]), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = program.main()
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(list(arguments), status, out.getvalue(), err.getvalue())
