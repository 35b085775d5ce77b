"""What was derived from the leaves and signed: tiles, statements, totals, the root log. Each tampering is found, a clean log has no finding."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audit import notes
from audit.models import LogKey
from audit.record import ActorRef, TargetRef, Why
from audit.signer import Signer
from audit.verify import verify, verify_root
from tests.audit.logs import Log, number_all, tampering
from tests.audit.signing import only, state

pytestmark = pytest.mark.usefixtures("signing")


@pytest.fixture
def stated(log: Log) -> Log:
    """A log of 520 entries, stated at 260 and at 520, and some after it."""
    plain = {"changes": [], "why": Why(), "actor": ActorRef(type="user", id=log.actor), "targets": [TargetRef(type="person", id=log.person)]}  # no openings: they are not what is proved here
    log.write(260, **plain)
    number_all()
    only(log.org)
    state(log.org)
    log.write(260, **plain)
    state(log.org)
    log.write(3)
    number_all()
    assert log.findings() == []
    assert verify_root().findings == []
    return log


TAMPERINGS = {
    "a tile": ("UPDATE audit_tile SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE org = %(org)s AND level = 0 AND n = 1", "the tile does not have the leaf's hash"),
    "a tile that is gone": ("DELETE FROM audit_tile WHERE org = %(org)s AND level = 0 AND n = 0", "tile 0/0 is not there, or not whole"),
    "a tile that was cut": ("UPDATE audit_tile SET hashes = substr(hashes, 1, 100) WHERE org = %(org)s AND level = 0 AND n = 0", "tile 0/0 is not there, or not whole"),
    "a higher tile": ("UPDATE audit_tile SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE org = %(org)s AND level = 1", "tile 1/0 does not follow from the tiles below it"),
    "a higher tile that is gone": ("DELETE FROM audit_tile WHERE org = %(org)s AND level = 1", "tile 1/0 does not follow from the tiles below it"),
    "a higher tile too many": ("INSERT INTO audit_tile (org, level, n, hashes) VALUES (%(org)s, 1, 7, sha256('x'))", "tile 1/7 does not follow from the tiles below it"),
    "a signed root": ("UPDATE audit_epoch SET root = sha256('x') WHERE org = %(org)s AND size = 260", "at 260 entries the tree is not the one that was signed"),
    "a statement": ("UPDATE audit_epoch SET statement = replace(statement, '\"v\":1', '\"v\":2') WHERE org = %(org)s AND size = 260", "was changed or is not signed by the log"),
    "a statement of nonsense": ("UPDATE audit_epoch SET statement = '[' WHERE org = %(org)s AND size = 260", "was changed or is not signed by the log"),
    "a statement's size": ("UPDATE audit_epoch SET size = 259 WHERE org = %(org)s AND size = 260", "at 259 entries the tree is not the one that was signed"),
    "a statement's leaf": ("UPDATE audit_epoch SET leaf_sha256 = sha256('x') WHERE org = %(org)s AND size = 260", "was changed or is not signed by the log"),
    "a statement's signature": ("UPDATE audit_epoch SET note = replace(note, '— ', '— x') WHERE org = %(org)s AND size = 260", "was changed or is not signed by the log"),
    "signed totals": ("UPDATE audit_epoch SET totals = sha256('x') WHERE org = %(org)s AND size = 520", "the totals are not those that were signed"),
    "a counter": ("UPDATE audit_counter SET n = n - 1 WHERE org = %(org)s AND kind = 'actor'", "the totals are not those that were signed"),
    "a log that is shorter than signed": ("UPDATE audit_epoch SET size = 9000 WHERE org = %(org)s AND size = 520", "9000 entries were signed, 523 are there: the end of the log is missing"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_what_was_derived_is_found(stated: Log, name: str) -> None:
    statement, expected = TAMPERINGS[name]
    with tampering() as attacker:
        assert attacker.execute(statement, {"org": stated.org}).rowcount == 1
    assert [what for what in stated.findings() if expected in what], stated.findings()


def test_the_signers_public_keys_count(stated: Log) -> None:
    """Without the key that signed, a statement is only a text."""
    with tampering() as attacker:
        attacker.execute("UPDATE audit_logkey SET type = 'other' WHERE type = 'ed25519'")
    assert any("is not signed by the log" in what for what in stated.findings())


ROOT_TAMPERINGS = {
    "a statement": ("UPDATE audit_epoch SET statement = statement || ' ' WHERE pos = 0", "the statement does not have the leaf's hash"),
    "a statement and its hash": ("UPDATE audit_epoch SET statement = statement || ' ', leaf_sha256 = sha256('\\x00'::bytea || convert_to(statement || ' ', 'UTF8')) WHERE pos = 0",
                                 "statements the root log is not the one that was signed"),
    "a statement that is gone": ("DELETE FROM audit_epoch WHERE pos = 0", "the statements 0 to 0 are missing"),
    "the last statement gone": ("DELETE FROM audit_epoch WHERE pos = 1", "the end of the root log is missing"),
    "a head's root": ("UPDATE audit_rootcheckpoint SET root = sha256('x') WHERE size = 2", "at 2 statements the root log is not the one that was signed"),
    "a head's signature": ("UPDATE audit_rootcheckpoint SET note = replace(note, '/root', '/toor') WHERE size = 2", "the head of the root log at 2 statements was changed"),
    "a head's hash": ("UPDATE audit_rootcheckpoint SET text_sha256 = sha256('x') WHERE size = 2", "the head of the root log at 2 statements was changed"),
}


@pytest.mark.parametrize("name", ROOT_TAMPERINGS)
def test_tampering_with_the_root_log_is_found(stated: Log, name: str) -> None:
    statement, expected = ROOT_TAMPERINGS[name]
    with tampering() as attacker:
        assert attacker.execute(statement).rowcount == 1
    found = [finding.what for finding in verify_root().findings]
    assert [what for what in found if expected in what], found


def test_an_empty_root_log_is_clean() -> None:
    result = verify_root()
    assert (result.entries, result.findings) == (0, [])


def test_a_log_that_was_never_signed_is_clean(log: Log) -> None:
    log.write(260)
    number_all()
    assert verify(org=log.org).findings == []


def test_a_statement_by_a_stranger(stated: Log) -> None:
    """Signed well, by a key that is not the log's."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    note = stated.rows("SELECT note FROM audit_epoch WHERE org = %s AND size = 260", [stated.org])[0][0]
    text, _signatures = notes.parse(note)
    forged = notes.note(text, [notes.sign(text, name=text.split("\n")[0], key=Ed25519PrivateKey.generate())])
    with tampering() as attacker:
        attacker.execute("UPDATE audit_epoch SET note = %s WHERE org = %s AND size = 260", [forged, stated.org])
    assert any("is not signed by the log" in what for what in stated.findings())
    assert LogKey.objects.filter(type="ed25519").count() == 1
    assert Signer().step(now=datetime.now(UTC)) == 0
