"""Looking for the proof that a domain belongs to an organization: a TXT record, or a file on its web server.

Everything an unknown server answers is bounded: time, size, number of records and of names in a row. Nothing here runs inside a transaction.
"""
from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver
from django.conf import settings

from audit import outbound

LABEL = "_steward-challenge"
PREFIX = "steward-domain-verification="
FILE = "/.well-known/steward-domain-verification.txt"
SECONDS, RECORDS, FILE_BYTES = 4.0, 100, 4096
HTTPS_PORT, HTTPS_CA = 443, ""


_TELLING = frozenset({"wrong_file", "web_redirected", "web_tls_failed", "web_private_address"})
"""What a web server did that somebody who meant to prove it there should know. That there is none, or none that answers, is no news."""


@dataclass(frozen=True)
class Looked:
    """What was found: by which method the proof, or '' with the reason code why not."""

    method: str = ""
    problem: str = ""


class Unanswered(Exception):
    """A resolver gave no usable answer. `code` says why: no_answer, server_failed, too_much."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def expected(token: str) -> str:
    """What the record, or a line of the file, must say."""
    return PREFIX + token


def look(*, name: str, token: str) -> Looked:
    """Look for the proof: in DNS first, then on the web server. Never raises; takes seconds at most."""
    dns_found = _in_dns(name, token)
    if dns_found.method:
        return dns_found
    web = _on_the_web(name, token)
    # What DNS said is more use to whoever set up neither: the name to look at is shown beside it.
    return web if web.method or (dns_found.problem == "no_record" and web.problem in _TELLING) else dns_found


def resolvers() -> list[tuple[str, int]]:
    """The resolvers that are asked: those of the settings, else those of the machine."""
    return settings.DNS_RESOLVERS or [(str(address), 53) for address in _of_the_machine()]


def _of_the_machine() -> list[str]:
    try:
        return [str(one) for one in dns.resolver.Resolver().nameservers]
    except dns.resolver.NoResolverConfiguration:
        return []


def _in_dns(name: str, token: str) -> Looked:
    """All resolvers that answer must find the record: one that was lied to, or remembers an old owner, is not enough."""
    found, problems = 0, []
    for server in resolvers():
        try:
            texts = txt(f"{LABEL}.{name}", server=server)
        except Unanswered as error:
            problems.append(error.code)
            continue
        if not any(hmac.compare_digest(text.strip().encode(), expected(token).encode()) for text in texts):
            return Looked(problem="wrong_record" if any(text.startswith(PREFIX) for text in texts) else "no_record")
        found += 1
    if found and found > len(resolvers()) // 2:
        return Looked(method="dns")
    return Looked(problem=problems[0] if problems else "no_resolver")


def txt(name: str, *, server: tuple[str, int]) -> list[str]:
    """The TXT records of a name, aliases followed. An unknown name has none. Raises Unanswered."""
    return [b"".join(record.strings).decode("utf-8", "replace")[:512] for record in _ask(name, "TXT", server)]


def addresses(name: str, *, server: tuple[str, int]) -> list[str]:
    """Where a name's web server is. Raises Unanswered."""
    return [record.address for kind in ("A", "AAAA") for record in _ask(name, kind, server)[:4]]


def _ask(name: str, kind: str, server: tuple[str, int]) -> list[Any]:
    """The records of one kind that this one resolver knows."""
    asked = dns.resolver.Resolver(configure=False)
    asked.nameservers, asked.port, asked.lifetime = [server[0]], server[1], SECONDS
    try:
        answer = asked.resolve(f"{name}.", kind, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except dns.resolver.LifetimeTimeout as error:
        raise Unanswered("no_answer") from error
    except (dns.exception.DNSException, OSError) as error:
        raise Unanswered("server_failed") from error
    found = list(answer.rrset or ())
    if len(found) > RECORDS:
        raise Unanswered("too_much")
    return found


def _on_the_web(name: str, token: str) -> Looked:
    places: list[str] = []
    for server in resolvers():
        try:
            places = addresses(name, server=server)
        except Unanswered:
            continue
        break
    if not places:
        return Looked(problem="no_web_server")
    try:
        answer = outbound.request("GET", f"https://{name}:{HTTPS_PORT}{FILE}", headers={"Accept": "text/plain", "User-Agent": "Steward"},
                                  ca=HTTPS_CA, seconds=SECONDS, limit=FILE_BYTES, at=places)
    except outbound.NotSent as error:
        return Looked(problem=f"web_{error.code}")
    if answer.status != 200:
        return Looked(problem="web_redirected" if 300 <= answer.status < 400 else "wrong_file")
    lines = answer.body.decode("utf-8", "replace").splitlines()[:20]
    return Looked(method="https") if any(hmac.compare_digest(line.strip().encode(), expected(token).encode()) for line in lines) else Looked(problem="wrong_file")
