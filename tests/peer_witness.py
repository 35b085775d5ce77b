"""A witness in a box: remembers the heads of the logs it knows, and cosigns those that continue what it saw (C2SP tlog-witness).

Small enough to run elsewhere than the log: `python -m tests.peer_witness PORT FOLDER NAME VKEY…` with the keys of the logs it is to watch. It prints its own key.
"""
from __future__ import annotations

import base64
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import merkle, notes
from audit.notes import BadNote, Checkpoint, Verifier


class Witness:
    """What it knows, what it remembers, and what it answers."""

    def __init__(self, folder: Path, name: str, logs: list[Verifier]) -> None:
        self.path, self.name, self.logs, self.lock = folder / "witness.json", name, logs, threading.Lock()
        said = json.loads(self.path.read_text()) if self.path.exists() else {"key": base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode(), "heads": {}}
        self.key, self.heads = Ed25519PrivateKey.from_private_bytes(base64.b64decode(said["key"])), said["heads"]
        self._save()

    @property
    def vkey(self) -> str:
        return Verifier(self.name, notes.COSIGNATURE, self.key.public_key().public_bytes_raw()).vkey

    def _save(self) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps({"key": base64.b64encode(self.key.private_bytes_raw()).decode(), "heads": self.heads}))
        beside.replace(self.path)

    def add(self, body: str) -> tuple[int, str]:
        """Status and text for one add-checkpoint."""
        head, _blank, note = body.partition("\n\n")
        lines = head.split("\n")
        try:
            old, proof = int(lines[0].removeprefix("old ")), [base64.b64decode(line) for line in lines[1:]]
            checkpoint = Checkpoint.parse(notes.parse(note)[0])
        except (ValueError, BadNote):
            return 400, "this is no request\n"
        known = [v for v in self.logs if v.name == checkpoint.origin]
        if not known:
            return 404, "unknown log\n"
        try:
            notes.verify(note, known)
        except BadNote:
            return 403, "no known key signed it\n"
        if old > checkpoint.size:
            return 400, "the old size is larger\n"
        with self.lock:
            size, root = self.heads.get(checkpoint.origin, [0, ""])
            if size != old or (size == checkpoint.size and root != checkpoint.root.hex()):
                return 409, f"{size}\n"
            if 0 < size < checkpoint.size and not merkle.verify_consistency(size1=size, size2=checkpoint.size, root1=bytes.fromhex(root), root2=checkpoint.root, proof=proof):
                return 422, "it does not continue what was seen\n"
            self.heads[checkpoint.origin] = [checkpoint.size, checkpoint.root.hex()]
            self._save()
        return 200, notes.cosign(checkpoint.text, name=self.name, key=self.key, at=int(time.time())).line


def serve(witness: Witness, port: int) -> ThreadingHTTPServer:
    """The service, ready to run."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, text = witness.add(self.rfile.read(int(self.headers["Content-Length"])).decode()) if self.path == "/add-checkpoint" else (404, "")
            self.send_response(status)
            self.send_header("Content-Type", "text/x.tlog.size" if status == 409 else "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    box = Witness(Path(sys.argv[2]), sys.argv[3], [Verifier.parse(vkey) for vkey in sys.argv[4:]])
    print(box.vkey, flush=True)
    serve(box, int(sys.argv[1])).serve_forever()
