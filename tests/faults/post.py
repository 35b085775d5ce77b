"""A post office on loopback: takes mail and remembers each by its Message-ID, or misbehaves on request."""
from __future__ import annotations

import email
import socketserver
import threading
import time
from collections import Counter
from typing import Any


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        office: Post = self.server.office  # type: ignore[attr-defined]
        office.connections += 1
        if office.mood == "hang":
            time.sleep(office.seconds)
            return
        if office.mood == "drop":
            return
        self._say("220 post")
        refused = False
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"RCPT":
                refused = office.mood in {"450", "550"} or any(name.encode() in line for name in office.refused)
                self._say(f"{office.mood if office.mood.isdigit() else '550'} no" if refused else "250 ok")
            elif word == b"DATA":
                if office.mood == "drop-in-data":
                    return
                self._say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += self.rfile.readline()
                office.take(data)
                self._say("250 ok")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


class Post:
    """`mood` is "good", "hang", "drop", "drop-in-data", "450" or "550"; `refused` are addresses that are not taken."""

    def __init__(self) -> None:
        self.mood, self.seconds, self.connections = "good", 5.0, 0
        self.refused: set[str] = set()
        self.taken: Counter[str] = Counter()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.office = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def take(self, data: bytes) -> None:
        self.taken[str(email.message_from_bytes(data)["Message-ID"])] += 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def kinds(post: Post) -> dict[str, Any]:
    """How many different mails, and how many came more than once."""
    return {"different": len(post.taken), "twice": sum(1 for n in post.taken.values() if n > 1)}
