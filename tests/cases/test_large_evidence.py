"""A file of 1 GB as evidence, sent to the real server: refused with a limit at once, without filling memory or disk, however its length is said (issue 6, Bad input)."""
from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from accounts import tenancy
from dsar.cases.models import Case, Evidence
from tests.browse import client_for
from tests.cases.helpers import received
from tests.cast import World
from tests.ground.processes import Web, running

GIB, BLOCK = 1 << 30, b"x" * 65_536
ENOUGH = 16 << 20
"""So much may lie in the buffers of two sockets; what was refused at once never gets to more."""


def blocks(*, chunked: bool) -> Iterator[bytes]:
    """A gigabyte, made while it is sent."""
    for _ in range(GIB // len(BLOCK)):
        yield b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK


def sent(port: int, head: str, body: Iterator[bytes]) -> tuple[str, int, float]:
    """Send until somebody answers. The answer, how many bytes left, and how long it took until the other side had closed."""
    began, count = time.monotonic(), 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(head.encode())
        line.setblocking(False)
        for block in body:
            rest = memoryview(block)
            while rest:
                readable, writable, _ = select.select([line], [line], [], 20)
                assert readable or writable, "nobody reads and nobody answers"
                if readable:
                    break
                with suppress(BlockingIOError):
                    gone = line.send(rest)
                    rest, count = rest[gone:], count + gone
            if rest:
                break
        line.settimeout(20)
        answer = b""
        with suppress(ConnectionResetError):  # it has closed, and we were still sending
            while part := line.recv(65_536):
                answer += part
    return answer.decode(errors="replace"), count, time.monotonic() - began


def memory(web: Web) -> int:
    """Bytes that the server and its workers have at most needed so far."""
    pids = [str(web.process.pid), *Path(f"/proc/{web.process.pid}/task/{web.process.pid}/children").read_text().split()]
    return sum(int(line.split()[1]) * 1024 for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "tmp").mkdir()
    with running(Web(folder / "log", WEB_WORKERS="1", TMPDIR=str(folder / "tmp"))) as program:
        program.wait()  # type: ignore[attr-defined]
        yield program  # type: ignore[misc]


def test_a_gigabyte_of_evidence_is_refused_at_once(world: World, web: Web) -> None:
    worker = world.north.person("worker")
    client = client_for(worker)
    case: Case = received(worker, "correct")
    page, api = f"/me/requests/{case.id}/", "/api/v1/me/actions/add-to-request/"
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).content.decode())[0]
    cookies = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
    before, folder = memory(web), Path(web.log).parent / "tmp"
    form = f"Content-Type: multipart/form-data; boundary=b\r\nX-CSRFToken: {token}\r\n"
    for path, kind in ((page, form), (api, f"Content-Type: application/json\r\nX-CSRFToken: {token}\r\n")):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:8000\r\nOrigin: http://localhost:8000\r\nReferer: http://localhost:8000{page}\r\nCookie: {cookies}\r\n{kind}"
        for how, wanted, chunked in ((f"Content-Length: {GIB}", "413", False), ("Transfer-Encoding: chunked", "411", True), ("Content-Length: 1000", "4", False)):
            answer, count, seconds = sent(web.port, f"{head}{how}\r\n\r\n", blocks(chunked=chunked))
            status = answer.split(" ", 2)[1] if answer else ""
            assert status.startswith(wanted) or (wanted == "4" and status == ""), (path, how, answer[:400])
            assert count < ENOUGH and seconds < 10, (path, how, count, seconds)
            assert wanted != "413" or "MB" in answer, "it says how much fits"
    assert memory(web) - before < 64 << 20 and not [one for one in folder.rglob("*") if one.is_file() and one.stat().st_size > 1 << 20]
    with tenancy.installation("a test looks"):
        assert not Evidence.objects.filter(case=case).exists() and case.happenings.filter(event="added").count() == 0
    assert web.get("/readyz")[0] == 200
