"""The one way out: every address that somebody typed is asked through here.

A name is resolved first, its addresses are checked, and the connection goes to an address that was checked, so a name that
changes its mind between the check and the connection gains nothing. Private, loopback, link-local and metadata addresses are
refused unless STEWARD_OUTBOUND_ALLOW lists their network. Redirects are answers like others and are never followed. One clock runs over the
whole exchange: a peer that sends a byte now and then does not hold us longer. What the operator wrote into the settings (`configured`) may be
private and plain: it is their network.
"""
from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_resolvers = ThreadPoolExecutor(8, thread_name_prefix="resolve")


class NotSent(Exception):
    """Nothing reached the peer, or nobody knows whether it did. `code` says why: bad_address, name_not_found, private_address, plain_http, unreachable, tls_failed, too_slow."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True)
class Answer:
    """What a peer answered. `body` is cut at the limit that the caller set."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def listed(address: Address) -> bool:
    """Whether the operator allows this network although it is not public."""
    return any(address in network for network in settings.OUTBOUND_ALLOW)


def demo(host: str | None, port: int | None) -> bool:
    """Whether this is where the demo's own service listens: that address with that port and nothing else of this machine, and only while the demo runs."""
    return (host, port) in settings.DEMO_NOTES


def permitted(text: str) -> bool:
    """Whether this address may be asked: it is public, or the operator lists its network. What an IPv6 address wraps counts too."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return all(_public(one) or listed(one) for one in {found, *_wrapped(found)} if not _wrapped(one))


def _public(one: Address) -> bool:
    return one.is_global and not (one.is_multicast or one.is_reserved or getattr(one, "is_site_local", False))


def _wrapped(address: Address) -> list[Address]:
    """The IPv4 addresses that lie inside an IPv6 address: mapped, 6to4, Teredo, NAT64 (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inside if one is not None]


def resolve(host: str, port: int, *, seconds: float, configured: bool = False) -> list[str]:
    """The addresses of a name that may be asked. Raises NotSent."""
    try:
        found = _resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(timeout=seconds)
    except TooLong as error:
        raise NotSent("too_slow") from error
    except (OSError, UnicodeError) as error:
        raise NotSent("name_not_found") from error
    return allowed([str(row[4][0]) for row in found], configured=configured)


def allowed(found: Iterable[str], *, configured: bool = False) -> list[str]:
    """Those of the addresses that may be asked, each once. Raises NotSent when none may."""
    addresses = list(dict.fromkeys(found))
    if not (good := [one for one in addresses if configured or permitted(one)]):
        raise NotSent("private_address")
    return good


@contextmanager
def connected(host: str, port: int, *, seconds: float, tls: bool, ca: str = "", configured: bool = False, at: Sequence[str] = ()) -> Iterator[socket.socket]:
    """A connection to a checked address, ended when `seconds` are over. With `tls` the peer's name and chain are checked; `ca` replaces the usual authorities.

    `at` are the name's addresses where the caller asked for them itself; they are checked all the same.
    """
    end = time.monotonic() + seconds
    raw = _reach(host, port, end, seconds=seconds, tls=tls, configured=configured, at=at)
    live = raw
    try:
        with _clock(raw, end):
            if tls:
                live = context(ca).wrap_socket(raw, server_hostname=host)
            yield live
    finally:
        live.close()
        raw.close()


def _reach(host: str, port: int, end: float, *, seconds: float, tls: bool, configured: bool = False, at: Sequence[str] = ()) -> socket.socket:
    places = allowed(at, configured=configured) if at else resolve(host, port, seconds=seconds, configured=configured or demo(host, port))
    return _connect(places, port, end, anywhere=tls or configured or demo(host, port))


@contextmanager
def _clock(raw: socket.socket, end: float) -> Iterator[None]:
    """The connection is cut when the time is over; what goes wrong on it is said in our words."""
    cut = threading.Event()
    ending = socket.socket(fileno=os.dup(raw.fileno()))
    timer = threading.Timer(max(0.0, end - time.monotonic()), _cut, [ending, cut])
    timer.daemon = True
    timer.start()
    try:
        yield
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise NotSent("too_slow" if cut.is_set() else "tls_failed") from error
    except TimeoutError as error:
        raise NotSent("too_slow") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotSent("too_slow" if cut.is_set() else "unreachable") from error
    finally:
        timer.cancel()
        ending.close()


def _cut(connection: socket.socket, cut: threading.Event) -> None:
    cut.set()
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it ended by itself


def _connect(addresses: list[str], port: int, end: float, *, anywhere: bool) -> socket.socket:
    last: NotSent | None = None
    for address in addresses[:4]:
        if not anywhere and not listed(ipaddress.ip_address(address.partition("%")[0])):
            last = NotSent("plain_http")
            continue
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            found = socket.create_connection((address, port), timeout=min(left, 5.0))
            found.settimeout(max(0.1, end - time.monotonic()))
            return found
        except TimeoutError:
            last = NotSent("too_slow")
        except OSError:
            last = NotSent("unreachable")
    raise last or NotSent("too_slow")


def context(ca: str) -> ssl.SSLContext:
    """TLS 1.2 or newer; the peer's certificate must lead to the authorities of the system, or to `ca` where one is given, and bear its name."""
    made = ssl.create_default_context(cadata=ca or None) if ca else ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _place(url: str) -> tuple[bool, str, int, str]:
    """Whether by TLS, the name, the port, and what is asked for there. Raises NotSent."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise NotSent("bad_address") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise NotSent("bad_address")
    tls = parts.scheme == "https"
    return tls, parts.hostname, port or (443 if tls else 80), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _spoken(connection: socket.socket, host: str, port: int, *, tls: bool) -> http.client.HTTPConnection:
    found = (http.client.HTTPSConnection if tls else http.client.HTTPConnection)(host, port)
    found.sock = connection  # connected already, to the address that was checked
    return found


def request(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", ca: str = "", seconds: float = 10.0, limit: int = 0, configured: bool = False,
            at: Sequence[str] = ()) -> Answer:
    """One request, one answer, no redirect. Raises NotSent."""
    tls, host, port, path = _place(url)
    with connected(host, port, seconds=seconds, tls=tls, ca=ca, configured=configured, at=at) as connection:
        spoken = _spoken(connection, host, port, tls=tls)
        spoken.request(method, path, body, dict(headers))
        answer = spoken.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(limit) if limit else b"")


_LEFT = 16 * 1024
"""Bytes of an answer that are read away, so that the connection can be used once more. What is longer, or does not come at once, ends it."""


class Kept:
    """A connection that is used for several requests to one place, one after the other: to the address that was checked when it was made, and only for as long as its holder stays. For one thread.

    What was written to a connection that the peer had ended meanwhile is written to a new one; so only what may come twice is sent this way.
    """

    def __init__(self) -> None:
        self._where: tuple[bool, str, int, str] | None = None
        self._open: http.client.HTTPConnection | None = None

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = self._where = None

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, ca: str = "", seconds: float = 10.0) -> Answer:
        """One request, one answer of which nobody reads the body, no redirect. Raises NotSent."""
        tls, host, port, path = _place(url)
        end = time.monotonic() + seconds
        if self._where == (tls, host, port, ca) and self._open is not None:
            try:
                return self._ask(self._open, path, headers, body, end)
            except NotSent as error:
                self.close()
                if error.code != "unreachable":
                    raise
        self.close()
        raw = _reach(host, port, end, seconds=seconds, tls=tls)
        try:
            with _clock(raw, end):
                live = context(ca).wrap_socket(raw, server_hostname=host) if tls else raw
        except BaseException:
            raw.close()
            raise
        self._open, self._where = _spoken(live, host, port, tls=tls), (tls, host, port, ca)
        return self._ask(self._open, path, headers, body, end)

    def _ask(self, spoken: http.client.HTTPConnection, path: str, headers: Mapping[str, str], body: bytes, end: float) -> Answer:
        try:
            with _clock(spoken.sock, end):
                spoken.sock.settimeout(max(0.1, end - time.monotonic()))
                spoken.request("POST", path, body, dict(headers))
                answer = spoken.getresponse()
        except NotSent:
            self.close()
            raise
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, b"")
        if not self._read_away(spoken, answer):
            self.close()
        return found

    @staticmethod
    def _read_away(spoken: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> bool:
        """Whether nothing of the answer is left on the connection. It is in hand already: what goes wrong here concerns nobody."""
        if answer.isclosed() and not answer.will_close and spoken.sock is not None:
            return True
        if answer.will_close or spoken.sock is None or (answer.length or 0) > _LEFT:
            return False
        try:
            spoken.sock.settimeout(0.2)
            answer.read(_LEFT)
            return answer.isclosed()
        except (OSError, http.client.HTTPException):
            return False
