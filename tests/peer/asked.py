"""What people ask about their data, as Steward passes it on: checked, acknowledged with a signed receipt, done, and answered with a signed callback that is tried until Steward has it."""
from __future__ import annotations

import base64
import binascii
import json
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from jwcrypto.common import JWException

from tests.peer import store
from tests.peer.config import Config
from tests.peer.steward import Steward
from tests.peer.store import Store

HEADER = "Steward-Signature"
WINDOW = timedelta(minutes=5)
WORDS = {"access": "Give a copy", "portability": "Give a portable copy", "erasure": "Delete", "restriction": "Keep, and do not use", "restriction-lift": "May be used again",
         "rectification": "Read the corrected data anew", "objection": "Stop a use that the person objects to", "withdraw": "Stop what rested on a consent"}
_DONE = {"completed": "Done and confirmed", "not_found": "Answered that nothing is held", "rejected": "Answered that Notes does nothing of that kind"}


class Unfit(Exception):
    """A request that is not taken, with the status and the code that say why."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(code)


def read(steward: Steward, signature: str, raw: bytes) -> dict[str, Any]:
    """The request, once everything about it is right: the signature over the bytes as they came, who sent it, to whom, and that it counts now. Raises Unfit."""
    kid, _colon, word = signature.partition(":")
    try:
        key = steward.request_keys(kid)
        if key is None:
            raise Unfit(401, "unknown_key")
        key.verify(base64.b64decode(word, validate=True), raw)
        asked = json.loads(raw)
        issued, until = (datetime.fromisoformat(asked[name]) for name in ("issued_at", "expires_at"))
    except (InvalidSignature, binascii.Error, JWException) as error:
        raise Unfit(401, "bad_signature") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unfit(422, "not_readable") from error
    config, now = steward.config, datetime.now(UTC)
    if asked.get("from") != config.issuer or asked.get("application") != config.application:
        raise Unfit(403, "wrong_sender")
    if asked.get("to") != f"{config.address}/requests" or not str(asked.get("callback")).startswith(f"{config.issuer}/relays/"):
        raise Unfit(403, "wrong_addressee")
    if not now - WINDOW <= issued <= now + timedelta(minutes=1) or until <= now:
        raise Unfit(403, "wrong_time")
    if asked.get("type") not in WORDS or not all(isinstance(asked.get(name), str) for name in ("id", "subject", "nonce")):
        raise Unfit(422, "not_readable")
    return dict(asked)


def take(steward: Steward, kept: Store, headers: Mapping[str, str], raw: bytes) -> tuple[int, bytes, dict[str, str]]:
    """Put the request down, once for each number, and answer with the receipt. One that comes again is answered again."""
    try:
        asked = read(steward, headers.get(HEADER.lower(), ""), raw)
        with kept.open() as db:
            if not store.first_time(db, "nonce", asked["nonce"]):
                raise Unfit(409, "replayed")
            now = time.time()
            db.execute("INSERT INTO request VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (id) DO UPDATE SET due = excluded.due, tries = 0, sub = excluded.sub, callback = excluded.callback",
                       (asked["id"], asked["type"], asked["subject"], asked["callback"], now + 0.5, now))
    except Unfit as unfit:
        return unfit.status, json.dumps({"error": unfit.code}).encode(), {}
    body = said(steward.config, asked["id"], asked["callback"], "pending")
    return 201, body, {HEADER: sign(steward.config, body)}


def said(config: Config, number: str, callback: str, status: str, **more: Any) -> bytes:
    """A receipt or an answer. It counts for five minutes, once, and only at the address of this request."""
    now = datetime.now(UTC)
    return json.dumps({"id": number, "from": config.application, "to": callback, "issued_at": now.isoformat(), "expires_at": (now + WINDOW).isoformat(), "nonce": secrets.token_urlsafe(18),
                       "status": status, **more}).encode()


def sign(config: Config, body: bytes) -> str:
    return base64.b64encode(config.key.sign(body)).decode()


def carry_out(kept: Store, kind: str, sub: str) -> tuple[str, dict[str, Any]]:
    """Do what is asked. Doing it twice does no more than once. Returns the answer: its status, and what belongs to it."""
    with kept.open() as db:
        who = store.person(db, sub)
        if kind == "erasure":
            return ("not_found" if store.erase(db, sub) < 0 else "completed"), {}
        if who is None:
            return "not_found", {}
        if kind in {"access", "portability"}:
            notes = db.execute("SELECT text, at FROM note WHERE sub = ? ORDER BY id", (sub,)).fetchall()
            return "completed", {"data": {"name": who["name"], "email": who["email"], "first_signed_in": _stamp(who["since"]), "notes": [{"text": one["text"], "written_at": _stamp(one["at"])} for one in notes]}}
        if kind in {"restriction", "restriction-lift"}:
            db.execute("UPDATE person SET restricted = ? WHERE sub = ?", (kind == "restriction", sub))
            return "completed", {}
        if kind == "rectification":
            store.signed_out(db, sub)  # name and address come with the next sign-in, as they are then
            return "completed", {}
        return "rejected", {"code": "not_applicable"}  # it keeps notes for whoever wrote them, and does nothing else with them


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


class Worker(threading.Thread):
    """Answers what was asked, and sets up the stream of security events. What is not answered when Notes ends is answered when it is back."""

    def __init__(self, steward: Steward, kept: Store, authorization: str) -> None:
        super().__init__(daemon=True, name="worker")
        self.steward, self.kept, self.authorization = steward, kept, authorization
        self.subscribed, self.again_at, self.pause, self.tidy_at = False, 0.0, 0.5, 0.0

    def run(self) -> None:
        while True:
            now = time.time()
            if not self.subscribed and now >= self.again_at:
                try:
                    self.subscribed = self.steward.subscribe(self.authorization)
                except (OSError, ValueError) as error:
                    print(f"notes: Steward is not there yet: {error}", file=sys.stderr, flush=True)
                self.pause = min(self.pause * 2, 60.0)
                self.again_at = time.time() + self.pause
            try:
                if now >= self.tidy_at:
                    self.tidy_at = now + 3600
                    self.kept.tidy()
                self.answer(now)
            except sqlite3.Error as error:
                print(f"notes: the store cannot be used: {error}", file=sys.stderr, flush=True)
            time.sleep(0.25)

    def answer(self, now: float) -> None:
        """Everything that is due, once."""
        with self.kept.open() as db:
            rows = db.execute("SELECT * FROM request WHERE due <= ? ORDER BY due LIMIT 20", (now,)).fetchall()
        for row in rows:
            status, more = carry_out(self.kept, row["type"], row["sub"])
            body = said(self.steward.config, row["id"], row["callback"], status, **more)
            try:
                code = self.steward.call("POST", row["callback"], body=body, headers={"Content-Type": "application/json", HEADER: sign(self.steward.config, body)})[0]
            except OSError:
                code = 0
            with self.kept.open() as db:
                if code and code < 500 and code != 429:  # it was taken, or nothing that we could say would be
                    db.execute("UPDATE request SET due = NULL, sub = '' WHERE id = ?", (row["id"],))
                    store.hear(db, "Request", WORDS[row["type"]], _DONE[status] if code < 300 else f"Steward did not take the answer ({code})")
                else:
                    db.execute("UPDATE request SET due = ?, tries = tries + 1 WHERE id = ?", (now + min(2.0 ** (row["tries"] + 1), 3600.0), row["id"]))
