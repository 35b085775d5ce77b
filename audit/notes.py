"""Signed notes, checkpoints and cosignatures as other tools read them (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""
from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

ED25519, COSIGNATURE, MLDSA44 = 0x01, 0x04, 0x06
_SIZES = {ED25519: 32, COSIGNATURE: 32, MLDSA44: 1312}
_LINE = re.compile("— ([^ +]+) ([A-Za-z0-9+/]+=*)")
MOST = 64
"""Signature lines that are looked at; a note with more is refused."""


class BadNote(ValueError):
    """No note, or one that a known key did not sign."""


@dataclass(frozen=True)
class Verifier:
    """A public key under a name, as a `vkey` writes it."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """The key of a vkey line. Raises BadNote for what is none, or whose id does not fit."""
        try:
            name, identity, encoded = vkey.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise BadNote("this is no verifier key") from error
        if not name or not raw or len(raw) - 1 != _SIZES.get(raw[0], -1):
            raise BadNote("this is no verifier key of a kind that is known")
        found = cls(name, raw[0], raw[1:])
        if found.id.hex() != identity:
            raise BadNote("the id of the verifier key does not fit it")
        return found

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether this key made that signature of the note's text."""
        try:
            if self.kind == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
            elif self.kind == COSIGNATURE:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature[8:], _cosigned(text, _time(signature)))
            else:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature[8:], _subtree(self.name, text, _time(signature)))
        except (InvalidSignature, ValueError, struct.error):
            return False
        return True


@dataclass(frozen=True)
class Signature:
    name: str
    id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        return f"— {self.name} {base64.b64encode(self.id + self.signature).decode()}\n"


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log's tree: whose, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """From a note's text. Raises BadNote for what is no checkpoint. Lines after the third are extensions and say nothing to us."""
        lines = text.split("\n")
        try:
            origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
        except (IndexError, binascii.Error, ValueError) as error:
            raise BadNote("this is no checkpoint") from error
        if not origin or not re.fullmatch(r"0|[1-9][0-9]{0,18}", size) or len(root) != 32:
            raise BadNote("this is no checkpoint")
        return cls(origin, int(size), root)


def sign(text: str, *, name: str, key: Ed25519PrivateKey) -> Signature:
    """The log's own signature of a note."""
    return Signature(name, Verifier(name, ED25519, key.public_key().public_bytes_raw()).id, key.sign(text.encode()))


def cosign(text: str, *, name: str, key: Ed25519PrivateKey, at: int) -> Signature:
    """A witness's statement that it saw this checkpoint and that it was consistent, at this POSIX time."""
    return Signature(name, Verifier(name, COSIGNATURE, key.public_key().public_bytes_raw()).id, struct.pack(">Q", at) + key.sign(_cosigned(text, at)))


def cosign_mldsa(text: str, *, name: str, key: MLDSA44PrivateKey, at: int) -> Signature:
    """The same with ML-DSA-44 (FIPS 204), for the day on which Ed25519 can be forged."""
    return Signature(name, Verifier(name, MLDSA44, key.public_key().public_bytes_raw()).id, struct.pack(">Q", at) + key.sign(_subtree(name, text, at)))


def note(text: str, signatures: Iterable[Signature]) -> str:
    """The text, a blank line, a line for each signature."""
    return text + "\n" + "".join(signature.line for signature in signatures)


def parse(signed: str) -> tuple[str, list[Signature]]:
    """Text and signature lines of a note, unchecked. Raises BadNote for what is none."""
    if any(ord(c) < 32 and c != "\n" for c in signed) or "\n\n" not in signed or not signed.endswith("\n"):
        raise BadNote("this is no signed note")
    head, _blank, tail = signed.rpartition("\n\n")
    lines = tail.split("\n")[:-1]
    if not lines or len(lines) > MOST:
        raise BadNote("a note has at least one signature, and not very many")
    return head + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    try:
        raw = base64.b64decode(found.group(2), validate=True) if found else b""
    except binascii.Error as error:
        raise BadNote("a signature line cannot be read") from error
    if found is None or len(raw) < 5:
        raise BadNote("a signature line cannot be read")
    return Signature(found.group(1), raw[:4], raw[4:])


def verify(signed: str, verifiers: Iterable[Verifier]) -> tuple[str, list[Verifier]]:
    """The text, and which of these keys signed it. Raises BadNote if none did, or if a signature of one of them is wrong."""
    text, signatures = parse(signed)
    known = {(v.name, v.id): v for v in verifiers}
    found = []
    for signature in signatures:
        verifier = known.get((signature.name, signature.id))
        if verifier is None:
            continue
        if not verifier.signed(text, signature.signature):
            raise BadNote(f"the signature of {signature.name} is wrong")
        found.append(verifier)
    if not found:
        raise BadNote("none of the known keys signed this note")
    return text, found


def _time(signature: bytes) -> int:
    return int(struct.unpack(">Q", signature[:8])[0])


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _subtree(name: str, text: str, at: int) -> bytes:
    head = Checkpoint.parse(text)
    opaque = [bytes([len(part)]) + part for part in (name.encode(), head.origin.encode())]
    return b"subtree/v1\n\0" + opaque[0] + struct.pack(">Q", at) + opaque[1] + struct.pack(">QQ", 0, head.size) + head.root
