"""A log of millions of entries with real records, envelopes, numbers, counters and trees, so that verification passes.

Only the openings of commitments are left out. Texts are made from the product's own record of one such act, in which
the ids are replaced: the form is the product's, the speed is that of string formatting.
"""
from __future__ import annotations

import hashlib
import random
from array import array
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from audit import merkle, tiles
from audit.canonical import canonical
from audit.record import ActorRef, Change, EntryDraft, TargetRef, Why, build, timestamp

if TYPE_CHECKING:
    from tests.benchmarks.seed import Org, Scale

DAYS = 400
_CHUNK = 20_000
_ENVELOPE = '{"actor_n":%d,"org":"%s","prev_checkpoint":null,"record_sha256":"%s","recorded_at":"%s","seq":%d,"target_n":[%s],"v":1}'
_KINDS = [("account.signed_in", "success", 50), ("profile.updated", "success", 24), ("membership.suspended", "success", 8), ("membership.restored", "success", 8), ("membership.suspended", "denied", 10)]


@dataclass(frozen=True)
class Kind:
    """One sort of entry, as a text with holes: entry, act, time, organization, actor, person, membership."""

    action: str
    category: str
    outcome: str
    text: str
    own: bool
    """People act on themselves: actor and target are the same, and no membership is named."""


@dataclass
class Log:
    """What the tree of one organization has so far."""

    org: Org
    size: int = 0
    peaks: list[bytes] = field(default_factory=list)
    fresh: list[bytes] = field(default_factory=list)
    days: dict[str, list[int]] = field(default_factory=dict)
    recorded: str = ""

    def settle(self) -> None:
        self.peaks = merkle.append(self.size - len(self.fresh), self.peaks, self.fresh)[1]
        self.fresh = []


@dataclass
class Counters:
    """How many entries each person has as actor, as person and as membership, by the person's number."""

    actor: array[int]
    person: array[int]
    membership: array[int]


def fill(connection: psycopg.Connection, orgs: list[Org], scale: Scale) -> None:
    """Write all entries in the order of time, the organizations mixed as they would be."""
    if not _envelope_is_canonical():
        raise SystemExit("bench: the sequencer's envelope has another form now; tests/benchmarks/seed_audit.py must follow")
    chance = random.Random(20261123)
    people = sum(org.size for org in orgs)
    counters = Counters(*(array("I", bytes(4 * people)) for _ in range(3)))
    kinds, logs = [example(*one[:2]) for one in _KINDS], [Log(org) for org in orgs]
    weights = [org.entries for org in orgs]
    end = datetime.now(UTC) - timedelta(hours=1)
    connection.execute("SELECT audit_make_partitions('y7', %s, %s)", [(end - timedelta(days=DAYS + 1)).date(), end.date()])
    step = timedelta(days=DAYS) / scale.entries
    position, writing = 0, None
    writer = ThreadPoolExecutor(1)  # PostgreSQL takes one chunk in while the next is made
    while position < scale.entries:
        number = min(_CHUNK, scale.entries - position)
        chosen, sorts = chance.choices(logs, weights, k=number), chance.choices(kinds, [k[2] for k in _KINDS], k=number)
        rows: dict[str, list[str]] = defaultdict(list)
        for log, kind in zip(chosen, sorts, strict=True):
            position += 1
            _entry(rows, log, kind, position, end - step * (scale.entries - position), counters, chance)
        for log in logs:
            log.settle()
        if writing:
            writing.result()
        writing = writer.submit(_write, connection, rows)
    writer.shutdown()
    if writing:
        writing.result()
    _finish(connection, logs, counters, position)


def _write(connection: psycopg.Connection, rows: dict[str, list[str]]) -> None:
    for table, lines in rows.items():
        copy(connection, table, lines)


def _entry(rows: dict[str, list[str]], log: Log, kind: Kind, position: int, at: datetime, counters: Counters, chance: random.Random) -> None:
    org = log.org
    target = org.first + int(chance.random() * org.size)
    actor = target if kind.own else org.first + int(chance.random() * 4)
    moment = timestamp(at)
    assert moment is not None
    milliseconds = f"{int(at.timestamp() * 1000):012x}"
    entry = f"{milliseconds[:8]}-{milliseconds[8:]}-7{position % 4096:03x}-8000-{position:012x}"
    act = f"{position:08x}-0000-4000-8000-{position:012x}"
    person, member, by = id_of("account", target), id_of("membership", target), id_of("account", actor)
    text = kind.text.format(entry, act, moment, org.id, by, person, member)
    sha = hashlib.sha256(text.encode()).hexdigest()
    log.size += 1
    counters.actor[actor] += 1
    counters.person[target] += 1
    about = [("person", person, counters.person[target])]
    if not kind.own:
        counters.membership[target] += 1
        about.append(("membership", member, counters.membership[target]))
    envelope = _ENVELOPE % (counters.actor[actor], org.id, sha, moment, log.size, ",".join(str(n) for _kind, _id, n in about))
    leaf = merkle.leaf_hash(envelope.encode())
    log.fresh.append(leaf)
    log.recorded = moment
    log.days.setdefault(moment[:10], [log.size, log.size])[1] = log.size
    rows["audit_entry (id, org, act, occurred_at, record, record_sha256)"].append(f"{entry}\t{org.id}\t{act}\t{moment}\t{text}\t\\\\x{sha}")
    rows["audit_leaf (pos, org, seq, entry, envelope, leaf_sha256, recorded_at, actor, actor_type, action, category, outcome, occurred_at)"].append(
        f"{position}\t{org.id}\t{log.size}\t{entry}\t{envelope}\t\\\\x{leaf.hex()}\t{moment}\t{by}\tuser\t{kind.action}\t{kind.category}\t{kind.outcome}\t{moment}")
    rows["audit_target (org, type, target, seq, n)"] += [f"{org.id}\t{what}\t{which}\t{log.size}\t{n}" for what, which, n in about]


def id_of(kind: str, number: int) -> str:
    """The id of the numbered person's account or membership, as the SQL of `seed` makes it."""
    text = hashlib.md5(f"{kind}:{number}".encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def copy(connection: psycopg.Connection, table: str, lines: Iterable[str]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as stream:
        stream.write("\n".join(lines) + "\n")


def _finish(connection: psycopg.Connection, logs: list[Log], counters: Counters, position: int) -> None:
    """Trees, days, counters and the last position: what the sequencer would have left behind."""
    cursor = connection.cursor()
    for log in logs:
        if log.size:
            cursor.execute("INSERT INTO audit_tree (org, size, root, range, recorded_at) VALUES (%s, %s, %s, %s, %s)", [log.org.id, log.size, merkle.root(log.peaks), log.peaks, log.recorded])
    copy(connection, "audit_day (org, day, first_seq, last_seq)", (f"{log.org.id}\t{day}\t{first}\t{last}" for log in logs for day, (first, last) in log.days.items()))
    lines = []
    for log in logs:
        for number in range(log.org.first, log.org.first + log.org.size):
            for kind, numbers, table in (("actor", counters.actor, "account"), ("person", counters.person, "account"), ("membership", counters.membership, "membership")):
                if numbers[number]:
                    lines.append(f"{log.org.id}\t{kind}\t{id_of(table, number)}\t{numbers[number]}")
    copy(connection, "audit_counter (org, kind, key, n)", lines)
    cursor.execute("UPDATE audit_state SET pos = %s", [position])
    tiles.complete(cursor)


def example(action: str, outcome: str) -> Kind:
    """The product's own record of such an act, with holes where the ids and the time stand."""
    ids = [uuid4() for _ in range(6)]
    entry, act, org, actor, person, membership = ids
    own = action == "account.signed_in"
    at = datetime(2001, 2, 3, 4, 5, 6, 789, UTC)
    targets = [TargetRef(type="person", id=person, label="Maria Becker", subject=person), *([] if own else [TargetRef(type="membership", id=membership)])]
    changes = [Change(path="membership.title", op="replace", before="Analyst", after="Engineer", klass="pii", subject=person)] if action == "profile.updated" else \
        [] if own or outcome == "denied" else [Change(path="membership.status", op="replace", before="active", after="suspended", klass="public", subject=person)]
    category = action.split(".")[0]
    draft = EntryDraft(org=org, action=action, category=category, outcome=outcome, reason_code="rank" if outcome == "denied" else "",  # type: ignore[arg-type]
                       actor=ActorRef(type="user", id=person if own else actor, auth_method="totp", auth_time=None, name="Anna Varga", email="anna.varga@example.org"),
                       targets=targets, changes=changes, why=Why(reason_code="absence" if action.startswith("membership") else ""), via="ui")
    text = build(draft, entry_id=entry, act=act, occurred_at=at)[0].replace("{", "{{").replace("}", "}}")
    for number, what in enumerate((entry, act, timestamp(at), org, actor, person, membership)):
        text = text.replace(str(what), f"{{{number}}}")
    return Kind(action=action, category=category, outcome=outcome, text=text, own=own)


def _envelope_is_canonical() -> bool:
    """Whether the template above still is the sequencer's form; the seed is worthless otherwise."""
    import json

    made = _ENVELOPE % (1, UUID(int=1), "ab", "2026-11-23T00:00:00.000000Z", 2, "1,2")
    return canonical(json.loads(made)).decode() == made
