"""A whole installation in a folder of its own, as `make run` starts it, with a mail server of ours."""
from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.post import Post
from tests.plugin_services import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """`make run` with a mail server of ours, in a folder of its own."""

    def __init__(self, post: Post, *, within: Path | None = None) -> None:
        self.data, self.port = Path(tempfile.mkdtemp(prefix="steward-faults-", dir=within)), free_port()
        self.data.chmod(0o711)
        cleared = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_", "REDIS_", "STEWARD_"))}
        self.environment = {**cleared, "STEWARD_DATA": str(self.data), "STEWARD_DEMO": "0", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(post.port), "PORT": str(self.port), "DATA": str(self.data), "STEWARD_PLACE": os.environ["STEWARD_PLACE"],
                            "STEWARD_URL": f"http://localhost:{self.port}", "STEWARD_EMBEDDED_STATIC": "1", "WEB_WORKERS": "1", "WEB_THREADS": "4"}
        self.log = (self.data / "supervisor.log").open("wb")
        self.process = subprocess.Popen([sys.executable, "-m", "portal.services.supervisor"], cwd=ROOT, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def ready(self, *, timeout: float = 300) -> None:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.data / "supervisor.log").read_text()
            try:
                connection = http.client.HTTPConnection("localhost", self.port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError("it did not become ready: " + (self.data / "supervisor.log").read_text())

    def inside(self, what: str, **arguments: Any) -> Any:
        for _attempt in range(20):
            done = subprocess.run([sys.executable, "-m", "tests.faults.inside", what], cwd=ROOT, env=self.environment, input=json.dumps(arguments), capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return json.loads(done.stdout.splitlines()[-1])
            time.sleep(1)
        raise AssertionError(done.stderr[-2000:])

    def victims(self, name: str) -> list[int]:
        """Processes of this installation: descendants of the supervisor whose command line says so."""
        parents: dict[int, int] = {}
        commands: dict[int, str] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                commands[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue

        def ours(pid: int) -> bool:
            while pid in parents:
                if pid == self.process.pid:
                    return True
                pid = parents[pid]
            return False

        return [pid for pid, command in commands.items() if name in command and pid != self.process.pid and ours(pid)]

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        subprocess.run(["rm", "-rf", str(self.data)], check=False)

    def act(self, slug: str, token: str, person: str, title: str) -> int:
        """One act through the API; the status of the answer, or 0 when nobody answered."""
        try:
            connection = http.client.HTTPConnection("localhost", self.port, timeout=20)
            connection.request("POST", f"/api/v1/orgs/{slug}/people/{person}/actions/update-profile/", json.dumps({"title": title}),
                               {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": title})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        return answer.status
