"""Receivers on loopback that behave as a test says: HTTPS with an authority of its own, syslog over TLS."""
from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Authority:
    """A certificate authority and a server certificate that it signed, valid for localhost and 127.0.0.1."""

    pem: str
    context: ssl.SSLContext


def authority(folder: Path, *, name: str = "localhost") -> Authority:
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject: str, issuer: str, key: Any, by: Any, ca: bool) -> x509.Certificate:
        made = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])).issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
                .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False))
        if ca:
            made = made.add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
        else:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        return made.sign(by, hashes.SHA256())

    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    top, server = certificate("Test authority", "Test authority", root, root, True), certificate(name, "Test authority", key, root, False)
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + server.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return Authority(top.public_bytes(serialization.Encoding.PEM).decode(), context)


@dataclass
class Got:
    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Receiver:
    """A webhook receiver. `behave` answers for each request: a status, or a function that does something with the handler itself."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    taken: list[Got] = field(default_factory=list)
    """Those that were answered with success."""
    behave: Callable[[int], Any] = lambda _n: 204


@contextmanager
def https(trust: Authority | None) -> Iterator[Receiver]:
    """A receiver; without an authority it speaks plain HTTP, as inside a listed network."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got = Got({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(int(self.headers.get("content-length", 0))), self.path)
            receiver.got.append(got)
            said = receiver.behave(len(receiver.got))
            if callable(said):
                with suppress(OSError):
                    said(self)
                return
            status, headers, body = (*said, b"")[:3] if isinstance(said, tuple) else (said, {}, b"")
            if 200 <= status < 300:
                receiver.taken.append(got)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    if trust is not None:
        server.socket = trust.context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    receiver.url = f"{'https' if trust else 'http'}://localhost:{server.server_address[1]}/in/very-secret-path"
    yield receiver
    server.shutdown()
    server.server_close()


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One byte now and then, for ever."""
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.1)


def flood(handler: BaseHTTPRequestHandler) -> None:
    """Ten megabytes nobody asked for."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b"x" * 100_000)


def flood_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        handler.wfile.write(b"X: " + b"x" * 100_000 + b"\r\n")


@contextmanager
def syslog(trust: Authority, messages: list[bytes], *, answer: bool = True) -> Iterator[int]:
    """RFC 5425: reads octet-counted frames, strictly. Without `answer` it breaks the connection off instead of ending it in order."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                raw, _peer = listening.accept()
            except OSError:
                return
            with suppress(OSError, ValueError), trust.context.wrap_socket(raw, server_side=True) as connection:
                if not answer:
                    connection.recv(10)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    socket.socket.close(connection)
                    continue
                data = b""
                while chunk := connection.recv(65_536):
                    data += chunk
                while data:
                    count, _space, data = data.partition(b" ")
                    messages.append(data[:int(count)])
                    assert len(messages[-1]) == int(count)
                    data = data[int(count):]
                connection.unwrap()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listening.getsockname()[1])
    stop.set()
    listening.close()
