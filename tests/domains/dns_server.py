"""A real name server on loopback, by UDP and TCP, that answers what a test wrote down, or misbehaves as the test says."""
from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Behave = Callable[[dns.message.Message, bool], bytes | None]


@dataclass
class Zone:
    """Records by (name, type); `behave` answers instead of them where it is set."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    behave: Behave | None = None
    asked: list[str] = field(default_factory=list)
    address: tuple[str, int] = ("", 0)

    def put(self, name: str, kind: str, *values: str) -> None:
        self.records[(name.lower(), kind)] = list(values)

    def answer(self, data: bytes, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].name.to_text(omit_final_dot=True))
        return self.behave(query, tcp) if self.behave else self.reply(query, tcp)

    def reply(self, query: dns.message.Message, tcp: bool) -> bytes:
        answer = dns.message.make_response(query)
        name, kind = query.question[0].name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(query.question[0].rdtype)
        for _hop in range(12):
            if (name, kind) in self.records:
                values = [f'"{v}"' if kind == "TXT" and not v.startswith('"') else v for v in self.records[(name, kind)]]
                answer.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", kind, values))
                break
            if (name, "CNAME") not in self.records:
                break
            target = self.records[(name, "CNAME")][0]
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{target}."))
            name = target
        if not answer.answer:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        wire = answer.to_wire(max_size=65535)
        if not tcp and len(wire) > 1232:  # too much for a datagram: the asker comes back by TCP
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            return cut.to_wire()
        return wire


@contextmanager
def serving() -> Iterator[Zone]:
    """A zone that is served until the block ends."""
    zone = Zone()

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if (said := zone.answer(self.request[0], False)) is not None:
                self.request[1].sendto(said, self.client_address)

    class Stream(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            size = struct.unpack("!H", self.request.recv(2))[0]
            if (said := zone.answer(self.request.recv(size), True)) is not None:
                self.request.sendall(struct.pack("!H", len(said)) + said)

    class Udp(socketserver.ThreadingUDPServer):
        daemon_threads = True

    class Tcp(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

    with Udp(("127.0.0.1", 0), Datagram) as udp, Tcp(("127.0.0.1", udp.server_address[1]), Stream) as tcp:
        zone.address = ("127.0.0.1", udp.server_address[1])
        for server in (udp, tcp):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield zone
        finally:
            udp.shutdown()
            tcp.shutdown()
