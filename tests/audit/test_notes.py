"""Signed notes: the published example verifies, ours do, and nothing else does."""
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import notes
from audit.notes import BadNote, Checkpoint, Verifier

# Published: the key of the Go checksum database, and the example of the note format that C2SP signed-note was written down from.
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE = ("If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
           "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n")
ROOT = b"\x07" * 32


def key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def test_the_vkey_of_a_public_log_is_read_and_written_as_it_is() -> None:
    found = Verifier.parse(SUMDB)
    assert (found.name, found.kind, found.id.hex(), found.vkey) == ("sum.golang.org", notes.ED25519, "033de0ae", SUMDB)


def test_the_published_example_verifies() -> None:
    text, signers = notes.verify(EXAMPLE, [Verifier.parse(NEUMANN)])
    assert text.startswith("If you think") and [v.name for v in signers] == ["PeterNeumann"]
    with pytest.raises(BadNote):
        notes.verify(EXAMPLE.replace("problem", "answer", 1), [Verifier.parse(NEUMANN)])


def test_a_note_and_its_signers() -> None:
    text = Checkpoint("log.example/one", 12, ROOT).text
    pq = MLDSA44PrivateKey.generate()
    lines = [notes.sign(text, name="log.example/one", key=key(1)), notes.cosign(text, name="witness.example/w", key=key(2), at=1_700_000_000),
             notes.cosign_mldsa(text, name="log.example/pq", key=pq, at=1_700_000_000)]
    verifiers = [Verifier("log.example/one", notes.ED25519, key(1).public_key().public_bytes_raw()), Verifier("witness.example/w", notes.COSIGNATURE, key(2).public_key().public_bytes_raw()),
                 Verifier("log.example/pq", notes.MLDSA44, pq.public_key().public_bytes_raw())]
    signed = notes.note(text, lines)
    assert notes.verify(signed, verifiers) == (text, verifiers)
    assert all(Verifier.parse(v.vkey) == v for v in verifiers)
    assert Checkpoint.parse(text) == Checkpoint("log.example/one", 12, ROOT)
    with pytest.raises(BadNote, match="none of the known keys"):
        notes.verify(signed, [Verifier("log.example/one", notes.ED25519, key(3).public_key().public_bytes_raw())])
    with pytest.raises(BadNote, match="is wrong"):
        notes.verify(signed.replace("\n12\n", "\n13\n"), verifiers)
    for verifier in verifiers:
        with pytest.raises(BadNote, match="is wrong"):
            notes.verify(signed.replace("\n12\n", "\n13\n"), [verifier])


def test_a_cosignature_is_over_its_time_and_the_note() -> None:
    """C2SP tlog-cosignature: the bytes that are signed, written once more without the code under test."""
    text = Checkpoint("log.example/one", 12, ROOT).text
    made = notes.cosign(text, name="witness.example/w", key=key(2), at=1_700_000_000)
    assert made.signature[:8] == (1_700_000_000).to_bytes(8, "big")
    key(2).public_key().verify(made.signature[8:], f"cosignature/v1\ntime 1700000000\n{text}".encode())
    later = notes.Signature(made.name, made.id, (1_700_000_001).to_bytes(8, "big") + made.signature[8:])
    witness = Verifier("witness.example/w", notes.COSIGNATURE, key(2).public_key().public_bytes_raw())
    assert witness.signed(text, made.signature) and not witness.signed(text, later.signature)


def test_a_note_with_more_signatures_than_anybody_needs_is_refused() -> None:
    text = Checkpoint("log.example/one", 12, ROOT).text
    line = notes.sign(text, name="log.example/one", key=key(1))
    assert len(notes.parse(notes.note(text, [line] * notes.MOST))[1]) == 64
    with pytest.raises(BadNote):
        notes.parse(notes.note(text, [line] * (notes.MOST + 1)))


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_no_bit_of_the_text_can_change(place: int, bit: int) -> None:
    text = Checkpoint("log.example/one", 12, ROOT).text
    verifier = Verifier("log.example/one", notes.ED25519, key(1).public_key().public_bytes_raw())
    raw = bytearray(text.encode())
    raw[place % len(raw)] ^= 1 << bit
    signature = notes.sign(text, name="log.example/one", key=key(1))
    assert not verifier.signed(raw.decode("latin-1"), signature.signature)


@pytest.mark.parametrize("wrong", ["", "text\n", "text\n\n", "text\n\n— name\n", "text\n\n— name !!!!\n", "text\n\n— name AAAA\n", "te\rxt\n\n— name AAAAAAAAAA==\n", "text\n\n- name AAAAAAAAAA==\n", "text\n\n— name AAAAAAAAAA=="])
def test_what_is_no_note_is_refused(wrong: str) -> None:
    with pytest.raises(BadNote):
        notes.parse(wrong)


@pytest.mark.parametrize("wrong", ["", "a\nb\nc\n", "a\n1\n", "a\n01\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", "a\n-1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", "a\n1\nBwc=\n", "\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"])
def test_what_is_no_checkpoint_is_refused(wrong: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(wrong)


@pytest.mark.parametrize("wrong", ["", "a+b", SUMDB.replace("033de0ae", "033de0af"), SUMDB[:-4], SUMDB.replace("+Ac4", "+Cc4"), "+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"])
def test_what_is_no_key_is_refused(wrong: str) -> None:
    with pytest.raises(BadNote):
        Verifier.parse(wrong)
