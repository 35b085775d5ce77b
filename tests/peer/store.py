"""What Notes keeps, in one SQLite file: people, their notes, who is signed in, what was heard, and requests until they are answered."""
from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS person (sub TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, access TEXT NOT NULL, restricted INTEGER NOT NULL DEFAULT 0, since REAL NOT NULL);
CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, sub TEXT NOT NULL REFERENCES person ON DELETE CASCADE, text TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS session (key TEXT PRIMARY KEY, sub TEXT NOT NULL REFERENCES person ON DELETE CASCADE, sid TEXT NOT NULL, csrf TEXT NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS leaving (state TEXT PRIMARY KEY, browser TEXT NOT NULL, verifier TEXT NOT NULL, nonce TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS heard (id INTEGER PRIMARY KEY, at REAL NOT NULL, how TEXT NOT NULL, what TEXT NOT NULL, did TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS erased (who TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS request (id TEXT PRIMARY KEY, type TEXT NOT NULL, sub TEXT NOT NULL, callback TEXT NOT NULL, due REAL, tries INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
DAY = 86_400.0
HOURS = 8 * 3600.0
"""How long somebody stays signed in here, unless Steward ends it before."""


class Store:
    """Each use has a connection and a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(mode=0o600)
        with self.open() as db:
            db.executescript(_TABLES)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            yield db
            if db.in_transaction:
                db.execute("COMMIT")
        finally:
            db.close()

    def tidy(self) -> None:
        """What has had its time goes."""
        now = time.time()
        with self.open() as db:
            for table, column, age in (("session", "until", 0.0), ("leaving", "at", 600.0), ("seen", "at", 7 * DAY), ("heard", "at", 30 * DAY), ("erased", "at", 30 * DAY)):
                db.execute(f"DELETE FROM {table} WHERE {column} < ?", (now - age,))
            db.execute("DELETE FROM request WHERE due IS NULL AND at < ?", (now - 30 * DAY,))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def first_time(db: sqlite3.Connection, kind: str, word: str) -> bool:
    """Whether this message comes for the first time; from now on it does not."""
    return db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (f"{kind} {word}", time.time())).rowcount == 1


def hear(db: sqlite3.Connection, how: str, what: str, did: str) -> None:
    """Remember what was heard and done, for the page that shows it. Nothing of it says about whom."""
    db.execute("INSERT INTO heard (at, how, what, did) VALUES (?, ?, ?, ?)", (time.time(), how, what, did))


def person(db: sqlite3.Connection, sub: str) -> Any:
    return db.execute("SELECT * FROM person WHERE sub = ?", (sub,)).fetchone()


def signed_out(db: sqlite3.Connection, sub: str, sid: str = "") -> int:
    """End the sessions of somebody, or the one that a sign-in at Steward began. Returns how many there were."""
    return db.execute("DELETE FROM session WHERE sub = ? AND (sid = ? OR ? = '')", (sub, sid, sid)).rowcount


def erase(db: sqlite3.Connection, sub: str) -> int:
    """Everything about somebody goes. For 30 days it is known that it went, by a digest, so that whoever asks once more gets the right answer. Returns how many notes there were; -1: nobody was known."""
    notes = db.execute("DELETE FROM note WHERE sub = ?", (sub,)).rowcount
    if not db.execute("DELETE FROM person WHERE sub = ?", (sub,)).rowcount:
        return 0 if db.execute("SELECT 1 FROM erased WHERE who = ?", (digest(sub),)).fetchone() else -1
    db.execute("INSERT OR REPLACE INTO erased VALUES (?, ?)", (digest(sub), time.time()))
    return notes
