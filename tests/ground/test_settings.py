"""A setting that is wrong ends every program with one plain line; what is documented is what is read."""
from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ground.test_run import ROOT, environment, free_port

PRODUCTION = {"DATABASE_URL": "postgresql://owner:secret@db.example.org/steward", "REDIS_URL": "redis://cache.example.org:6379/0", "STEWARD_SECRET_KEY": "b1946ac92492d2347c6235b4d2611184e7ac0af2e9d38c28b9b2bd4f1d3c77aa"}
WRONG = [
    ({"EMAIL_PORT": "smtp"}, "EMAIL_PORT is 'smtp'"), ({"EMAIL_PORT": "70000"}, "EMAIL_PORT"), ({"EMAIL_PORT": "-1"}, "EMAIL_PORT"), ({"EMAIL_PORT": "²5"}, "EMAIL_PORT"), ({"EMAIL_HOST": "mail server"}, "EMAIL_HOST"),
    ({"EMAIL_FROM": "nobody"}, "EMAIL_FROM"), ({"EMAIL_USE_TLS": "maybe"}, "Write 1 or 0"), ({"STEWARD_LOG_LEVEL": "loud"}, "STEWARD_LOG_LEVEL is 'loud'"), ({"STEWARD_LOG_FORMAT": "xml"}, "json, line"),
    ({"STEWARD_URL": "https://"}, "STEWARD_URL"), ({"STEWARD_URL": "portal.example.org"}, "STEWARD_URL"), ({"STEWARD_URL": "https://x.org:http"}, "STEWARD_URL"), ({"STEWARD_URL": "https://x.org/steward"}, "after the host"),
    ({"STEWARD_URL": "https://[::1"}, "STEWARD_URL"), ({"STEWARD_PROXY_COUNT": "one"}, "STEWARD_PROXY_COUNT"), ({"STEWARD_BEHIND_PROXY": "2"}, "Write 1 or 0"), ({"STEWARD_METRICS_TOKEN": "short"}, "STEWARD_METRICS_TOKEN"),
    ({"STEWARD_SECRET_KEY": "short"}, "fewer than 32"), ({"STEWARD_DEMO": "perhaps"}, "Write 1 or 0"), ({"DATABASE_URL": "mysql://x/y"}, "postgresql://"), ({"DATABASE_URL": "postgresql://h/n?sslmod=require"}, "sslmod"),
    ({"DATABASE_APP_URL": "postgresql://h"}, "names no database"), ({"DATABASE_SEQUENCER_URL": "x"}, "DATABASE_SEQUENCER_URL"), ({"REDIS_URL": "redis://h:x"}, "REDIS_URL"), ({"REDIS_URL": "redis:///0"}, "REDIS_URL"),
    ({"REDIS_URL": "redis://h/first"}, "REDIS_URL"), ({"STEWARD_DNS_RESOLVERS": "dns.example.org"}, "STEWARD_DNS_RESOLVERS")]
WEB = [({"WEB_WORKERS": "0"}, "WEB_WORKERS is '0'"), ({"WEB_THREADS": "many"}, "WEB_THREADS"), ({"STEWARD_DRAIN_SECONDS": "1m"}, "STEWARD_DRAIN_SECONDS")]


def answer(command: list[str], data: Path, variables: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env={**environment(data, free_port()), "STEWARD_DATA": str(data), **variables}, capture_output=True, text=True, check=False, timeout=60)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(("variables", "words"), WRONG, ids=str)
def test_manage_py_says_what_is_wrong(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    code, said = answer(["manage.py", "check"], tmp_path, {**PRODUCTION, **variables})
    assert code == 2 and words in said


@pytest.mark.parametrize(("variables", "words"), [*WEB, ({"EMAIL_PORT": "smtp"}, "EMAIL_PORT"), ({"STEWARD_URL": "https://"}, "STEWARD_URL")], ids=str)
def test_gunicorn_says_what_is_wrong(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    code, said = answer(["-m", "gunicorn", "portal.wsgi", "--config", "python:portal.gunicorn_config", "--bind", f"127.0.0.1:{free_port()}"], tmp_path, {**PRODUCTION, **variables})
    assert code == 2 and words in said


@pytest.mark.parametrize(("variables", "words"), [*WEB, ({"EMAIL_PORT": "smtp"}, "EMAIL_PORT"), ({"STEWARD_DEMO": "perhaps"}, "Write 1 or 0"), ({"STEWARD_LOG_LEVEL": "loud"}, "STEWARD_LOG_LEVEL"), ({"HOST": "no.such.host.invalid"}, "HOST=")], ids=str)
def test_the_supervisor_says_what_is_wrong(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    code, said = answer(["-m", "portal.services.supervisor"], tmp_path / "data", variables)
    assert code in {1, 2} and words in said


_NAME = re.compile(r"(STEWARD|DATABASE|REDIS|EMAIL|WEB)_[A-Z0-9_]+|HOST|PORT|DATA")


def read_by_the_code() -> set[str]:
    """Every variable that is named where the environment is read: os.environ…, and the first argument of env.something(…)."""
    found: set[str] = set()
    for folder in ("portal", "accounts", "audit", "dsar"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    strings = [a.value for a in [*node.args, *(k.value for k in node.keywords)] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                    where = ast.unparse(node.func)
                    if where.startswith(("env.", "os.environ", "login", "database", "os.getenv")):
                        found |= {text for text in strings if _NAME.fullmatch(text)}
                elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ" and isinstance(node.slice, ast.Constant):
                    found |= {str(node.slice.value)} if _NAME.fullmatch(str(node.slice.value)) else set()
    return found


def documented() -> set[str]:
    """The variables in the first column of the tables below the heading Settings."""
    part = (ROOT / "docs" / "operating.md").read_text().split("\n## Settings\n", 1)[1].split("\n## ", 1)[0]
    return {name for line in part.splitlines() if line.startswith("| `") for name in re.findall(r"`([A-Z_0-9]+)`", line.split("|")[1])}


def test_the_list_of_settings_is_complete_and_true() -> None:
    code = read_by_the_code()
    assert {"EMAIL_PORT", "WEB_WORKERS", "DATABASE_APP_URL", "STEWARD_DATA", "PORT"} <= code
    assert documented() == code
