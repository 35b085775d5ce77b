"""What the signer remembers: a file of its own, beside its keys, that no database brings back."""
from __future__ import annotations

import json
from typing import Any

from audit import keys, merkle
from audit.keys import KeyRing, NoKeys


class Memory:
    """The last size and root that were signed, for each log."""

    def __init__(self, ring: KeyRing, *, anew: bool = False) -> None:
        self.path = ring.folder / "memory.json"
        self.logs: dict[str, list[Any]] = {}
        self.exists = self.path.exists() and not anew
        if self.exists:
            try:
                self.logs = json.loads(self.path.read_text())["logs"]
            except (ValueError, KeyError, TypeError) as error:
                raise NoKeys(f"{self.path} is damaged; look at what happened, then run: manage.py signer --adopt") from error

    def of(self, log: str) -> tuple[int, bytes]:
        size, root = self.logs.get(log, [0, merkle.EMPTY_ROOT.hex()])
        return size, bytes.fromhex(root)

    def keep(self, heads: dict[str, tuple[int, bytes]]) -> None:
        """Remember these, on the disk, before anything signed about them leaves."""
        self.logs |= {log: [size, root.hex()] for log, (size, root) in heads.items()}
        keys.write(self.path, {"logs": self.logs})
        self.exists = True
