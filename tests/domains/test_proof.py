"""Looking for the proof, against a real name server and a real web server that answer well, badly, slowly or not."""
from __future__ import annotations

import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from accounts.domains import proof
from tests.audit.receivers import authority, https
from tests.domains.dns_server import Zone, serving

NAME, TOKEN = "shop.co.uk", "right-token"
PLACE = f"{proof.LABEL}.{NAME}"


def looked(token: str = TOKEN) -> proof.Looked:
    return proof.look(name=NAME, token=token)


def test_the_record_is_found(zone: Zone) -> None:
    zone.put(PLACE, "TXT", "v=spf1 -all", proof.expected(TOKEN))
    assert looked() == proof.Looked(method="dns")
    assert looked("other-token").problem == "wrong_record"
    zone.put(PLACE, "TXT", proof.expected(TOKEN) + "x")
    assert looked().problem == "wrong_record"
    zone.put(PLACE, "TXT", '"steward-domain-" "verification=' + TOKEN + '"')  # in two pieces, as long values are
    assert looked().method == "dns"


def test_an_alias_leads_to_it(zone: Zone) -> None:
    zone.put(PLACE, "CNAME", "proofs.provider.net")
    zone.put("proofs.provider.net", "TXT", proof.expected(TOKEN))
    assert looked().method == "dns"
    zone.put("proofs.provider.net", "CNAME", PLACE)  # a circle
    del zone.records[("proofs.provider.net", "TXT")]
    assert looked().problem == "server_failed"


def test_nothing_there(zone: Zone) -> None:
    assert looked().problem == "no_record"
    zone.put(NAME, "TXT", proof.expected(TOKEN))  # at the wrong name
    assert looked().problem == "no_record"


def _servfail(query: dns.message.Message, _tcp: bool) -> bytes:
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer.to_wire()


def _refused(query: dns.message.Message, _tcp: bool) -> bytes:
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.REFUSED)
    return answer.to_wire()


def _nxdomain(query: dns.message.Message, _tcp: bool) -> bytes:
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.NXDOMAIN)
    answer.answer.append(dns.rrset.from_text("elsewhere.example.com.", 60, "IN", "TXT", proof.expected(TOKEN)))
    return answer.to_wire()


def _other_name(query: dns.message.Message, _tcp: bool) -> bytes:
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text("elsewhere.example.com.", 60, "IN", "TXT", proof.expected(TOKEN)))
    return answer.to_wire()


def _many(query: dns.message.Message, tcp: bool) -> bytes:
    answer = dns.message.make_response(query)
    if not tcp:
        answer.flags |= dns.flags.TC
        return answer.to_wire()
    answer.answer.append(dns.rrset.from_text_list(query.question[0].name, 60, "IN", "TXT", [f'"{n} {proof.expected(TOKEN)}"' for n in range(1000)]))
    return answer.to_wire(max_size=65535)


def _huge(query: dns.message.Message, tcp: bool) -> bytes:
    answer = dns.message.make_response(query)
    if not tcp:
        answer.flags |= dns.flags.TC
        return answer.to_wire()
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", " ".join(['"' + "x" * 250 + '"'] * 240)))
    return answer.to_wire(max_size=65535)


@pytest.mark.parametrize(("behave", "problem"), [
    (lambda _q, _t: None, "no_answer"), (_servfail, "server_failed"), (_refused, "server_failed"), (_nxdomain, "no_record"), (_other_name, "no_record"), (_many, "too_much"), (_huge, "no_record"), (lambda _q, _t: b"\x00" * 20, "no_answer"), (lambda q, _t: q.to_wire()[:6], "no_answer")],
    ids=["silent", "servfail", "refused", "nxdomain", "the record of another name", "a thousand records", "60 KB", "nonsense", "cut"])
def test_hostile_answers_end_soon_and_prove_nothing(zone: Zone, behave: Any, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not answer is given up after `SECONDS`; who answers is heard, however busy the machine of this test is."""
    silent = problem == "no_answer"
    monkeypatch.setattr(proof, "SECONDS", 0.5 if silent else 60.0)
    zone.behave = behave
    start = time.monotonic()
    assert looked() == proof.Looked(problem=problem)
    assert not silent or time.monotonic() - start < 4


def test_all_resolvers_that_answer_must_find_it(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "SECONDS", 0.5)
    with serving() as honest, serving() as other, serving() as third:
        settings.DNS_RESOLVERS = [honest.address, other.address, third.address]
        honest.put(PLACE, "TXT", proof.expected(TOKEN))
        other.put(PLACE, "TXT", proof.expected(TOKEN))
        assert looked().problem == "no_record", "the third says that there is none"
        third.behave = lambda _q, _t: None
        assert looked().method == "dns", "two of three say so and the third is silent"
        other.behave = lambda _q, _t: None
        assert looked().problem == "no_answer", "one of three is not enough"
    settings.DNS_RESOLVERS = [("127.0.0.1", 1)]
    assert looked().problem == "no_answer"


def test_a_file_on_the_web_server(zone: Zone, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(proof, "SECONDS", 2.0)
    trust = authority(tmp_path, name=NAME)
    with https(trust) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        monkeypatch.setattr(proof, "HTTPS_PORT", port)
        monkeypatch.setattr(proof, "HTTPS_CA", trust.pem)
        zone.put(NAME, "A", "127.0.0.1")
        server.behave = lambda _n: (200, {}, proof.expected(TOKEN).encode() + b"\n")
        assert looked() == proof.Looked(problem="web_private_address"), "a private address is not asked"
        assert server.got == []
        settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
        assert looked() == proof.Looked(method="https")
        assert looked("other").problem == "wrong_file"
        server.behave = lambda _n: (302, {"Location": "https://elsewhere.example.com/"})
        assert looked().problem == "web_redirected", "and not followed"
        assert all(PLACE not in seen for seen in zone.asked[-1:]) and "elsewhere.example.com" not in zone.asked
        server.behave = lambda _n: (200, {}, b"x" * 1_000_000 + proof.expected(TOKEN).encode())
        assert looked().problem == "wrong_file"
        zone.put("other.co.uk", "A", "127.0.0.1")
        assert proof.look(name="other.co.uk", token=TOKEN).problem == "web_tls_failed", "a certificate for another name is none"
        server.behave = None
        for address in PRIVATE:
            zone.records.pop((NAME, "A"), None)
            zone.put(NAME, "AAAA" if ":" in address else "A", address)
            asked = len(server.got)
            settings.OUTBOUND_ALLOW = []
            assert (looked().problem, len(server.got)) == ("web_private_address", asked), address


PRIVATE = ("10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
