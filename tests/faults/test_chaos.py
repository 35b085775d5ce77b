"""Everything is killed at random while people act: afterwards each act happened once with its entry, or not at all."""
from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
import redis

from tests.faults.installation import Installation
from tests.faults.post import Post, kinds

ACTS = int(os.environ.get("STEWARD_FAULT_ACTS", "0"))
"""So many single acts by hand (`make faults`); without it people act until everything has been killed once or twice."""
VICTIMS = ("gunicorn", "manage.py worker", "manage.py sequencer", "manage.py scheduler", "bin/postgres -D", "valkey-server", "postgres: steward_app")


@pytest.fixture
def post() -> Iterator[Post]:
    found = Post()
    yield found
    found.close()


@pytest.fixture
def installation(post: Post) -> Iterator[Installation]:
    found = Installation(post)
    try:
        found.ready()
        yield found
    finally:
        found.close()


class Client(threading.Thread):
    """One administrator's program: acts one after another, each with a key of its own, until it has an answer."""

    def __init__(self, port: int, slug: str, token: str, ids: list[str], acts: int) -> None:
        super().__init__(daemon=True)
        self.port, self.slug, self.token, self.ids, self.acts = port, slug, token, ids, acts
        self.done: dict[str, int] = {}
        self.last: dict[str, str] = {}
        self.gave_up = 0
        self.enough = threading.Event()

    def run(self) -> None:
        number = 0
        while number < self.acts or not self.enough.is_set():
            number += 1
            person = self.ids[number % len(self.ids)]
            time.sleep(0.12)  # 600 requests a minute are allowed to each token
            if self._act(person, word := uuid.uuid4().hex):
                self.done[person] = self.done.get(person, 0) + 1
                self.last[person] = word
            else:
                self.gave_up += 1

    def _act(self, person: str, word: str) -> bool:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            try:
                connection = http.client.HTTPConnection("localhost", self.port, timeout=20)
                connection.request("POST", f"/api/v1/orgs/{self.slug}/people/{person}/actions/update-profile/", json.dumps({"title": word}),
                                   {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Idempotency-Key": word})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    return True
                if answer.status == 429:
                    time.sleep(float(answer.headers.get("Retry-After", "5")))
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.2)
        return False


def test_kill_everything_at_random(installation: Installation, post: Post) -> None:
    chance = random.Random(20261123)
    made = installation.inside("seed", people=80)
    single, many = made["ids"][:40], made["ids"][40:]
    clients = [Client(installation.port, made["slug"], token, single[n::4], ACTS // 4) for n, token in enumerate(made["tokens"])]
    for client in clients:
        client.start()
    plan = installation.inside("job", org=made["org"], owner=made["owner"], ids=many)["plan"]
    killed: Counter[str] = Counter()
    due = [*chance.sample(VICTIMS, len(VICTIMS)), "FLUSHALL", *chance.sample(VICTIMS, 3)]
    while any(client.is_alive() for client in clients):
        time.sleep(chance.uniform(10, 20) if ACTS else chance.uniform(0.6, 1.8))  # five deaths of one process in a minute would be given up
        victim = due.pop(0) if due else chance.choice([*VICTIMS, "FLUSHALL"])
        if victim == "FLUSHALL":
            killed[victim] += _flush(installation)
        elif pids := installation.victims(victim):
            os.kill(chance.choice(pids), signal.SIGKILL)
            killed[victim] += 1
        else:
            due.append(victim)  # it was just being started again
        if not due:
            for client in clients:
                client.enough.set()
            if not ACTS:
                break
    for client in clients:
        client.join(180)
    kills = killed.total() - killed["FLUSHALL"]
    assert set(killed) == {*VICTIMS, "FLUSHALL"} and min(killed.values()) > 0
    end = time.monotonic() + 120
    while (state := installation.inside("quiet", org=made["org"], plan=plan)) != {"pending": 0, "unread": 0, "due": 0, "job": "done"}:
        assert time.monotonic() < end, state
        time.sleep(1)
    found = installation.inside("audit", org=made["org"], plan=plan)
    assert found["wrong"] == []
    assert found["findings"] == []
    assert found["rows"] == {"done": len(many)}
    assert [client.gave_up for client in clients] == [0, 0, 0, 0]
    assert {person: found["titles"][person] for client in clients for person in client.last} == {person: word for client in clients for person, word in client.last.items()}
    said = {person: n for client in clients for person, n in client.done.items()}
    assert {person: n for person, n in found["changes"].items() if person in said} == said
    assert found["unsent"] == found["owed_twice"] == 0
    assert set(post.taken) == set(found["mails"])
    # A mail that was accepted in the moment its worker was killed is sent again, with the same Message-ID; each kill can cause one.
    assert kinds(post)["twice"] <= kills
    print(f"{kills} killed, {found['acts']} acts, {found['entries']} entries, {len(post.taken)} mails of which {kinds(post)['twice']} came twice; everything fits")


def _flush(installation: Installation) -> int:
    """Empty Valkey; it may just be starting again after a kill. Returns 1, for the count."""
    end = time.monotonic() + 30
    while True:
        try:
            services = json.loads((installation.data / "run" / "services.json").read_text())
            redis.Redis.from_url(services["redis"]).flushall()
            return 1
        except (OSError, ValueError, redis.exceptions.RedisError):
            assert time.monotonic() < end, "Valkey did not come back"
            time.sleep(0.2)
