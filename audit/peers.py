"""Asking the peers that the operator configured: witnesses and the time-stamping authority. One clock runs over the whole exchange, so that a byte now and then holds nothing up."""
from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from audit import outbound


def post(url: str, body: bytes, *, headers: Mapping[str, str], seconds: float, limit: int) -> tuple[int, bytes]:
    """Status and body, which is cut at `limit`. Raises OSError, HTTPException or ValueError. Redirects are answers like others."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    if parts.hostname is None:
        raise ValueError("this is no address")
    end = time.monotonic() + seconds
    raw = socket.create_connection((parts.hostname, parts.port or (443 if tls else 80)), timeout=seconds)
    ending = raw.dup()  # wrapping takes the first one away
    timer = threading.Timer(max(0.0, end - time.monotonic()), _cut, [ending])
    timer.daemon = True
    timer.start()
    live: socket.socket = raw
    try:
        live = outbound.context("").wrap_socket(raw, server_hostname=parts.hostname) if tls else raw
        spoken = (http.client.HTTPSConnection if tls else http.client.HTTPConnection)(parts.hostname, parts.port)
        spoken.sock = live
        spoken.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, dict(headers))
        answer = spoken.getresponse()
        status, said = answer.status, answer.read(limit)
        if time.monotonic() >= end:
            raise TimeoutError("the peer is too slow")
        return status, said
    finally:
        timer.cancel()
        live.close()
        raw.close()
        ending.close()


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it ended by itself
