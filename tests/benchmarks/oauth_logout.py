"""From a suspension to the program that signs the person out: with the processes that do it in production, and a receiver that is a process of its own."""
from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import parse_qs

from django.utils import timezone

from accounts import access, door, tenancy
from accounts.actor import Proof
from accounts.models import Membership, ProgramSession
from accounts.powers import BY_SLUG
from audit import sequencer, subscribers
from tests.benchmarks import oauth_rows, seed
from tests.benchmarks.measure import Figure
from tests.benchmarks.services import background, bare

SUSPENSIONS = 50
_DATA = {"reason_code": "absence", "message": "", "private_note": ""}
_PROGRAM = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        sys.stdout.write(f"{time.monotonic()} {body}\\n")
        sys.stdout.flush()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_args):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def measure(org: seed.Org) -> Figure:
    """Fifty people, one after the other, each at another moment of the processes' rounds."""
    found = Figure("suspension to sign-out at the program")
    while sequencer.run_once():
        pass
    with _program() as (url, heard):
        program = oauth_rows.service(org, logout_url=url)
        oauth_rows.fill(org, program, SUSPENSIONS * 2)
        with tenancy.scope(org=org.id):
            accounts = list(ProgramSession.objects.filter(client=program.client).values_list("account_id", flat=True))
            people = list(Membership.objects.filter(organization_id=org.id, account_id__in=accounts, role__slug="member").values_list("id", "account_id")[:SUSPENSIONS])
        _read_already()
        try:
            with ExitStack() as stack:
                for name in ("sequencer", "scheduler", "worker", "streamer"):
                    stack.enter_context(background("manage.py", name))
                time.sleep(8)  # until they have started
                for number, (membership, _account) in enumerate(people):
                    time.sleep(0.1 * (number % 7))
                    found.calls.append(_suspended(org, membership, heard, number + 1) * 1000)
        finally:
            _undo(org, [membership for membership, _account in people])
    if len({_session(body) for _at, body in heard}) != SUSPENSIONS:
        raise SystemExit("bench: some sign-outs never arrived, or came twice")
    return found


@contextmanager
def _program() -> Iterator[tuple[str, list[tuple[float, str]]]]:
    heard: list[tuple[float, str]] = []
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port, out = process.stdout.readline().strip(), process.stdout

    def read() -> None:
        for line in out:
            at, _space, body = line.partition(" ")
            heard.append((float(at), body.strip()))

    threading.Thread(target=read, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}/out", heard
    finally:
        process.kill()
        process.wait()


def _suspended(org: seed.Org, membership: object, heard: list[tuple[float, str]], number: int) -> float:
    """Seconds from the answer to the administrator until the program has it. One person would be stopped by the brake long before the last."""
    with bare() as plain:
        plain.execute("DELETE FROM accounts_brake WHERE organization_id = %s", [org.id])
    with tenancy.scope(org=org.id, purpose="act"):
        actor = access.actor_for(account_id=seed.account_of(org.first), organization_id=org.id, proof=Proof(method="totp", at=timezone.now()))
        door.perform(power=BY_SLUG["suspend"], actor=actor, ids=[membership], data=_DATA, now=timezone.now())  # type: ignore[list-item]
    done = time.monotonic()
    while len(heard) < number:
        if time.monotonic() - done > 60:
            raise SystemExit("bench: a sign-out did not arrive within a minute")
        time.sleep(0.005)
    return max(0.0, heard[number - 1][0] - done)


def _read_already() -> None:
    """The entries that the seed made are from before there were subscribers."""
    with bare() as plain:
        plain.execute("INSERT INTO audit_cursor (name, pos, failures, last_error) SELECT n, (SELECT max(pos) FROM audit_leaf), 0, '' FROM unnest(%s::text[]) n"
                      " ON CONFLICT (name) DO UPDATE SET pos = EXCLUDED.pos, not_before = NULL", [[one.name for one in subscribers.registered()]])


def _session(body: str) -> str:
    """Of which session the program was told."""
    part = parse_qs(body)["logout_token"][0].split(".")[1]
    return str(json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sid"])


def _undo(org: seed.Org, people: list[object]) -> None:
    with bare() as plain:
        plain.execute("UPDATE accounts_membership SET status = 'active', effective_status = 'active', reason_code = '' WHERE id = ANY(%s)", [people])
    oauth_rows.forget(org)
