"""Messages of webhooks to a receiver on this machine, by one worker; and the same while another receiver takes five seconds for each answer."""
from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import Webhook, WebhookDelivery
from accounts.webhooks import delivery
from audit import recording
from audit.record import ActorRef, EntryDraft
from audit.streams import runner, secrets
from tests.benchmarks import seed
from tests.benchmarks.report import Goal, Part

_WEBHOOKS, _EACH = 4, 400
_SERVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(float(sys.argv[1]))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_args):
        pass
class Server(ThreadingHTTPServer):
    request_queue_size = 128
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def run(orgs: list[seed.Org], _scale: seed.Scale, _folder: Path) -> Part:
    """A worker is one streamer: eight hands, of which each serves one webhook at a time, in order."""
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    org = orgs[0]
    entries = _entries(org)
    with _receiver(0) as fast, _receiver(5) as slow:
        alone = _WEBHOOKS * _EACH / _served(org, entries, [fast] * _WEBHOOKS)
        one = _EACH / _served(org, entries, [fast])
        beside = _WEBHOOKS * _EACH / _served(org, entries, [fast] * _WEBHOOKS, slow=slow)
    return Part(name="webhooks", tables=[], goals=[Goal("messages a second by one worker", alone, 100, at_least=True), Goal("messages a second beside a slow receiver, against without it", beside / alone, 0.7, at_least=True)],
                facts={f"messages a second to {_WEBHOOKS} receivers": f"{alone:,.0f}", "to one": f"{one:,.0f}", f"to {_WEBHOOKS}, while a fifth takes five seconds for each": f"{beside:,.0f}"})


def _entries(org: seed.Org) -> list[tuple[uuid.UUID, int, str, object]]:
    with tenancy.scope(org=org.id), connection.cursor() as cursor:
        cursor.execute("SELECT entry, seq, action, occurred_at FROM audit_leaf WHERE org = %s ORDER BY seq DESC LIMIT %s", [org.id, _EACH])
        return cursor.fetchall()


@contextmanager
def _receiver(seconds: float) -> Iterator[str]:
    """A process of its own, so that it takes nothing of the worker's."""
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/in"
    finally:
        process.kill()
        process.wait()


def _served(org: seed.Org, entries: list[tuple[uuid.UUID, int, str, object]], urls: list[str], slow: str = "") -> float:
    """How long the worker takes until every message to `urls` is taken."""
    ids = _make(org, entries, [*urls, *([slow] if slow else [])])
    stop, began = threading.Event(), time.monotonic()
    worker = threading.Thread(target=lambda: runner.loop(stop=stop, lines=(delivery.LINE,)))
    worker.start()
    with tenancy.scope(org=org.id):
        while WebhookDelivery.objects.filter(webhook_id__in=ids[:len(urls)], state="due").exists():
            time.sleep(0.05)
    took = time.monotonic() - began
    stop.set()
    worker.join()
    _forget(org)
    return took


def _act(org: seed.Org) -> EntryDraft:
    return EntryDraft(org=org.id, action="bench.arranged", category="bench", outcome="success", actor=ActorRef(type="operator"))


def _make(org: seed.Org, entries: list[tuple[uuid.UUID, int, str, object]], urls: list[str]) -> list[uuid.UUID]:
    now, rows = timezone.now(), []
    for number, url in enumerate(urls):
        row_id, secret = uuid.uuid4(), secrets.mint()
        rows.append(Webhook(id=row_id, organization_id=org.id, name=f"Bench {number}", url=url, host=url, events=["*"], secret=secrets.seal(secret, stream=row_id), public_key=secret.public, created_at=now))
    with tenancy.scope(org=org.id), transaction.atomic(), recording.opened(org=org.id, now=now) as act:
        Webhook.objects.bulk_create(rows)
        WebhookDelivery.objects.bulk_create([WebhookDelivery(organization_id=org.id, webhook=row, entry=entry, seq=seq, action=action, occurred_at=at, made_at=now)
                                             for row in rows for entry, seq, action, at in entries])
        act.write([_act(org)])
    return [row.id for row in rows]


def _forget(org: seed.Org) -> None:
    with tenancy.scope(org=org.id), transaction.atomic(), recording.opened(org=org.id, now=timezone.now()) as act:
        Webhook.objects.filter(organization_id=org.id).delete()
        act.write([_act(org)])
