"""What the documents promise is there: every file, every test, every command, every variable they name."""
from __future__ import annotations

import ast
import re
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from tests.ground.test_run import ROOT
from tests.ground.test_settings import documented

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir())
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "steward"}


def test_the_threat_model_names_tests_that_exist() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().split("## Threats", 1)[1].split("\nBeside", 1)[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row.split("|")[3])
        assert named, f"no proof: {row}"
        for path, name in named:
            functions = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)}
            assert name in functions, f"{path}::{name}"


@pytest.mark.parametrize("document", ["docs/architecture.md", "docs/operating.md", "SECURITY.md"])
def test_documents_name_files_that_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"\b((?:portal|accounts|audit|dsar|tests|docs|templates|static)/[\w./-]*\w(?:\.\w+|/))", text))
    missing = [name for name in named if not (ROOT / name.split("::")[0]).exists()]
    assert named and missing == []


def test_the_pictured_tables_and_processes_are_the_real_ones() -> None:
    from portal.database import TABLES

    picture = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    assert {"audit_entry", "audit_pending", "accounts_plan"} <= set(re.findall(r"\b(?:audit|accounts)_[a-z]+\b", picture)) <= set(TABLES)
    assert {"web", "sequencer", "worker", "scheduler", "signer", "streamer"} <= set(re.findall(r"┌─ ([\w.]+)", picture))


def runs(command: list[str]) -> str:
    """The program that a command line starts, or why it cannot: '' when it is not one of ours."""
    words = [word for word in command if word]
    if "manage.py" in words:
        name = words[words.index("manage.py") + 1]
        return f"manage.py {name}" if name in get_commands() else f"no command {name}"
    if "gunicorn" in words:
        wanted = [words[words.index("gunicorn") + 1], words[words.index("--config") + 1].removeprefix("python:")]
        return "gunicorn" if wanted == ["portal.wsgi", "portal.gunicorn_config"] and all(find_spec(name) for name in wanted) else f"no module {wanted}"
    return ""


def programs(command: list[str] | str) -> list[str]:
    words = shlex.split(command) if isinstance(command, str) else command
    if words[:2] == ["sh", "-c"]:
        return [runs(shlex.split(part)) for part in words[2].split("&&")]
    return [runs(words)]


def test_compose_starts_every_process_with_commands_that_exist() -> None:
    assert set(OURS) == {"setup", "web", "worker", "scheduler", "sequencer", "signer", "streamer"} and {"postgres", "valkey", "proxy"} <= set(COMPOSE["services"])
    started = {name: programs(service["command"]) for name, service in OURS.items()}
    assert started == {"setup": ["manage.py setup_database", "manage.py migrate", "manage.py check"], "web": ["gunicorn"], "worker": ["manage.py worker"],
                       "scheduler": ["manage.py scheduler"], "sequencer": ["manage.py sequencer"], "signer": ["manage.py signer"], "streamer": ["manage.py streamer"]}
    for service in OURS.values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    assert "/readyz" in str(OURS["web"]["healthcheck"]["test"])
    assert {name for service in COMPOSE["services"].values() for name in service.get("depends_on", {})} <= set(COMPOSE["services"])
    assert programs((DEPLOY / "Dockerfile").read_text().splitlines()[-1].removeprefix("CMD ").strip("[]").replace('"', "").replace(",", "")) == ["gunicorn"]


def test_what_has_to_last_is_on_volumes_and_what_is_copied_is_there() -> None:
    """Copies are made by one process and handed out by another; the signer's keys outlive it and are nobody else's."""
    for name, service in OURS.items():
        mounted = dict(reversed(one.split(":")[:2]) for one in service["volumes"])
        assert mounted["/var/lib/steward"] == "data" and mounted["/var/lib/ledger"] == "ledger" and service["tmpfs"] == ["/tmp"]
        assert ("/var/lib/signer" in mounted) == (name == "signer") and set(mounted.values()) <= set(COMPOSE["volumes"])
    assert OURS["signer"]["environment"]["STEWARD_SIGNER_DIR"] == "/var/lib/signer"
    copied = [line.split()[1:-1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    assert copied and all((ROOT / source).exists() for sources in copied for source in sources)


def variables(path: Path) -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", path.read_text(), re.MULTILINE))


def test_every_variable_in_the_examples_is_documented() -> None:
    ours = variables(DEPLOY / "steward.env.example") | {name for service in OURS.values() for name in service.get("environment", {})}
    ours |= {name for unit in UNITS for line in unit.read_text().splitlines() if line.startswith("Environment=") for name in re.findall(r"([A-Z_]+)=", line.removeprefix("Environment="))}
    ours |= set(re.findall(r"\b((?:STEWARD|DATABASE|REDIS|EMAIL)_[A-Z_]+)=", (DEPLOY / "Dockerfile").read_text()))
    assert ours - {"PYTHONUNBUFFERED"} <= documented()
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked == variables(DEPLOY / "compose.env.example")


def sections(path: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            key, sign, value = line.partition("=")
            assert sign and found, f"{path.name}: {line}"
            found[list(found)[-1]].append((key, value))
    return found


def test_units_start_every_process_with_commands_that_exist() -> None:
    started = {}
    for unit in UNITS:
        parts = sections(unit)
        assert "Unit" in parts
        if unit.suffix == ".service":
            service = dict(parts["Service"])
            started[unit.name] = programs(service["ExecStart"])
            assert service["ExecStart"].startswith("/opt/steward/.venv/bin/python ")
            assert (service["NoNewPrivileges"], service["ProtectSystem"], service["CapabilityBoundingSet"], service["User"]) == ("yes", "strict", "", "steward")
    assert started == {"steward-web.service": ["gunicorn"], "steward-worker@.service": ["manage.py worker"], "steward-scheduler.service": ["manage.py scheduler"], "steward-sequencer.service": ["manage.py sequencer"],
                       "steward-signer.service": ["manage.py signer"], "steward-streamer.service": ["manage.py streamer"]}
    assert {"steward.target", "steward-web.socket"} <= {unit.name for unit in UNITS}


def test_proxies_replace_what_strangers_say_of_themselves_and_hide_measurements() -> None:
    nginx, caddy = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "Caddyfile").read_text()
    for line in ("proxy_set_header X-Forwarded-For $remote_addr;", "proxy_set_header X-Forwarded-Proto $scheme;", "access_log off;"):
        assert line in nginx
    assert re.search(r"location = /metrics \{\s*return 404;", nginx) and re.search(r"@measurements path /metrics\s+respond @measurements 404", caddy)
    assert nginx.count("{") == nginx.count("}") and caddy.count("{") == caddy.count("}")


def test_the_script_for_the_database_is_a_script() -> None:
    path = DEPLOY / "postgres-init.sh"
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0 and path.stat().st_mode & 0o111


def test_commands_in_the_operating_manual_exist() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    named = set(re.findall(r"manage\.py (\w+)", text))
    assert {"worker", "migrate", "check_migrations", "setup_database", "verify_audit"} <= named <= set(get_commands())
