#!/usr/bin/env python3
"""Checks an export of a Steward audit log, without us, without a network and without anything but Python 3.9 or newer.

    python verify.py [FOLDER] [--key VKEY] [--policy FILE] [--previous FOLDER]

FOLDER is the bundle; without it, the folder this file lies in. Each check prints one line: ok, FAIL or note. The last line is the verdict.
Exit status: 0 when every check holds, 1 when one fails, 2 when the folder is no bundle. What is checked, and why it is enough, stands in
docs/audit-bundle.md of Steward; the trees are those of RFC 6962, the signatures Ed25519 (RFC 8032) on C2SP signed notes.

A verifier that comes with the evidence comes from whoever made the evidence. Use a copy from a source that you trust, and give it with
--key or --policy a key that you know from elsewhere; --previous compares with an earlier export that you kept.
"""
# ruff: noqa: B905, RUF007 (zip(strict=) and pairwise() came with Python 3.10)
from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import stat
import sys
import zlib
from itertools import groupby
from operator import lt

CHECKS = ("sums", "signature", "keys", "manifest", "checkpoint", "entries", "tree", "complete", "filter", "disclosures",
          "epoch", "totals", "time", "consistency", "pruned", "witnesses", "timestamp")
SMALL, LINE, READ = 64 << 20, 1 << 18, 1 << 16  # bytes of a file that is read whole; of a line; read at once
SHOWN = 5  # findings printed for one check
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,2}")
HEX = re.compile(r"[0-9a-f]{64}")
GAP = re.compile(rb'\[(0|[1-9][0-9]{0,14}), ?(0|[1-9][0-9]?), ?"([0-9a-f]{64})"\]')
# Of hashes only the length is looked at here: each is compared with one that was computed.
ENVELOPE = (rb'\{"actor_n":(null|[1-9][0-9]{0,14}),"org":"ORG","prev_checkpoint":(null|\{"sha256":".{64}","size":[1-9][0-9]{0,14}\}),'
            rb'"record_sha256":"(.{64})","recorded_at":"([0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]{6}Z)",'
            rb'"seq":([1-9][0-9]{0,14}),"target_n":\[((?:[1-9][0-9]{0,14},)*[1-9][0-9]{0,14}|)\],"v":1\}')
AROUND = len(b'{"envelope":,"record":}\n')
sha256 = hashlib.sha256


class Fail(Exception):
    """A check that does not hold, in a sentence."""


class NoBundle(Exception):
    """The folder is none."""


class Report:
    """What each check found, in the order of the contract."""

    def __init__(self):
        self.found = {name: [] for name in CHECKS}
        self.more = dict.fromkeys(CHECKS, 0)

    def ok(self, name, text):
        self.found[name].append(("ok", plain(text)))

    def note(self, name, text):
        self.found[name].append(("note", plain(text)))

    def fail(self, name, text):
        if sum(mark == "FAIL" for mark, _text in self.found[name]) < SHOWN:
            self.found[name].append(("FAIL", plain(text)))
        else:
            self.more[name] += 1

    def failed(self, name):
        return any(mark == "FAIL" for mark, _text in self.found[name])

    def run(self, name, check, *given):
        """Run one check. Whatever goes wrong in it is a finding, never the end."""
        try:
            return check(*given)
        except Fail as error:
            self.fail(name, str(error))
        except Exception:
            self.fail(name, "What is there cannot be read as this check needs it.")
        return None

    def lines(self):
        for name in CHECKS:
            for mark, text in self.found[name]:
                yield mark, name, text
            if self.more[name]:
                yield "FAIL", name, f"And {self.more[name]} more of the kind."


def plain(text):
    """Without what would move the cursor or turn the line around: names come from the bundle."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", "?", text)


def need(holds, text):
    if not holds:
        raise Fail(text)


# Ed25519 (RFC 8032, section 5.1), verification only. Not in constant time: everything here is public.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_decode(data):
    """The point of these 32 bytes, or None when they are not the one encoding of a point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * ROOT % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def point_encode(p):
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


NEUTRAL = (0, 1, 1, 0)
_tables = {}


def table(name, point):
    """Multiples of a point, so that a multiplication is 64 additions."""
    if name not in _tables:
        rows = []
        for _ in range(64):
            row = [NEUTRAL]
            for _ in range(15):
                row.append(point_add(row[-1], point))
            rows.append(row)
            point = point_add(row[-1], point)
        if len(_tables) > 40:
            _tables.clear()
        _tables[name] = rows
    return _tables[name]


def multiple(number, rows):
    result = NEUTRAL
    for row in rows:
        if number & 15:
            result = point_add(result, row[number & 15])
        number >>= 4
    return result


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(public, message, signature):
    """Whether the signature is one of this key. Refuses what has a second spelling and keys of small order."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point, s = point_decode(public), int.from_bytes(signature[32:], "little")
    if point is None or s >= ORDER:
        return False
    eight = point
    for _ in range(3):
        eight = point_add(eight, eight)
    if eight[0] % P == 0 and (eight[1] - eight[2]) % P == 0:
        return False
    minus = (P - point[0], point[1], 1, P - point[3])
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return point_encode(point_add(multiple(s, table("base", BASE)), multiple(h, table(public, minus)))) == signature[:32]


# Keys and notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy).

SPKI = bytes.fromhex("302a300506032b6570032100")


class Key:
    """A key by its name and its bytes. `kind` is the type byte of its vkey: 1 Ed25519, 4 a witness's Ed25519, 6 ML-DSA-44."""

    def __init__(self, vkey):
        name, number, material = vkey.split("+", 2)
        raw = base64.b64decode(material, validate=True)
        need(name and not re.search(r"\s", name) and len(raw) > 1, "A key has no name or no bytes.")
        self.vkey, self.name, self.kind, self.public = vkey, name, raw[0], raw[1:]
        need(self.number(name).hex() == number, f"The key {name} does not have the number its vkey says.")
        need(self.kind not in (1, 4) or (len(self.public) == 32 and point_decode(self.public)), f"The key {name} is no Ed25519 key.")

    def number(self, name):
        return sha256(name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def fingerprint(self):
        """SHA-256 of the key as DER: `openssl pkey -pubin -in key.pem -outform DER | sha256sum` shows the same."""
        return sha256((SPKI if self.kind in (1, 4) else b"") + self.public).hexdigest()


class Note:
    """A signed note: its text and who says to have signed it."""

    def __init__(self, whole):
        need(len(whole) <= 4 * LINE and not re.search(r"[\x00-\x09\x0b-\x1f]", whole), "A signed note has characters that none may have.")
        text, blank, lines = whole.rpartition("\n\n")
        need(blank and lines.endswith("\n"), "A signed note has no signatures.")
        self.text, self.signatures = text + "\n", []
        for line in lines[:-1].split("\n"):
            found = re.fullmatch("— ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})", line)
            need(found and len(self.signatures) < 100, "A signed note has a line that is no signature.")
            self.signatures.append((found.group(1), base64.b64decode(found.group(2), validate=True)))

    def checkpoint(self):
        lines = self.text[:-1].split("\n")
        need(len(lines) >= 3 and all(lines) and re.fullmatch("0|[1-9][0-9]{0,14}", lines[1]), "A checkpoint does not have its three lines.")
        root = base64.b64decode(lines[2], validate=True)
        need(len(root) == 32, "A checkpoint has no root.")
        return lines[0], int(lines[1]), root

    def signers(self, keys):
        """The Ed25519 keys that signed it. A signature that claims to be of a known key and is not, breaks the note."""
        found, origin = [], self.text.split("\n", 1)[0]
        for name, raw in self.signatures:
            for key in keys:
                if key.kind == 1 and name in (key.name, origin) and raw[:4] == key.number(name):
                    need(ed25519(key.public, self.text.encode(), raw[4:]), f"The signature of {name} is not over what is written.")
                    found.append(key)
        return found

    def cosigned(self, key):
        """When the witness with this key says it saw the checkpoint, or None."""
        for name, raw in self.signatures:
            if key.kind == 4 and name == key.name and raw[:4] == key.number(name) and len(raw) == 76:
                at = int.from_bytes(raw[4:12], "big")
                if ed25519(key.public, f"cosignature/v1\ntime {at}\n{self.text}".encode(), raw[12:]):
                    return at
        return None

    def unchecked(self, keys):
        return sum(raw[:4] == key.number(name) for name, raw in self.signatures for key, _item in keys if key.kind == 6)


class Policy:
    """Which logs and witnesses count, and how many witnesses are needed."""

    def __init__(self, text):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        for line in text.split("\n"):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log" and len(words) in (2, 3):
                self.logs.append(Key(words[1]))
            elif words[0] == "witness" and len(words) in (3, 4):
                self._fresh(words[1])
                self.witnesses[words[1]] = Key(words[2])
            elif words[0] == "group" and len(words) > 3:
                self._fresh(words[1])
                members, wanted = words[3:], {"any": "1", "all": str(len(words) - 3)}.get(words[2], words[2])
                need(wanted.isdigit() and 1 <= int(wanted) <= len(members) and len(set(members)) == len(members)
                     and all(m in self.witnesses or m in self.groups for m in members), "The policy has a group that cannot be met.")
                self.groups[words[1]] = (int(wanted), members)
            elif words[0] == "quorum" and len(words) == 2 and self.quorum is None:
                need(words[1] == "none" or words[1] in self.witnesses or words[1] in self.groups, "The policy asks for a quorum it does not name.")
                self.quorum = words[1]
            else:
                raise Fail("The policy has a line that is none.")
        need(self.quorum, "The policy has no quorum line.")

    def _fresh(self, name):
        need(name != "none" and name not in self.witnesses and name not in self.groups, "The policy names something twice.")

    def met(self, note, name=None):
        name = name or self.quorum
        if name == "none":
            return True
        if name in self.witnesses:
            return note.cosigned(self.witnesses[name]) is not None
        wanted, members = self.groups[name]
        return sum(self.met(note, member) for member in members) >= wanted


# Trees (RFC 6962, RFC 9162).


def leaf_of(data):
    return sha256(b"\x00" + data).digest()


def node_of(left, right):
    return sha256(b"\x01" + left + right).digest()


def included(index, size, leaf, proof, root):
    if not 0 <= index < size or any(len(step) != 32 for step in proof):
        return False
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_of(step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_of(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def consistent(size1, size2, root1, root2, proof):
    if not 0 < size1 <= size2 or any(len(step) != 32 for step in proof):
        return False
    if size1 == size2:
        return not proof and root1 == root2
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    one = two = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            one, two = node_of(step, one), node_of(step, two)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            two = node_of(two, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and one == root1 and two == root2


class Fold:
    """A tree that grows from perfect subtrees, left to right."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def add(self, level, node):
        need(self.size & ((1 << level) - 1) == 0, "A hash of the gaps stands where it cannot.")
        self.size += 1 << level
        while self.peaks and self.peaks[-1][0] == level:
            node = node_of(self.peaks.pop()[1], node)
            level += 1
        self.peaks.append((level, node))

    def extend(self, leaves):
        """Many leaves: whole runs of 1,024 are folded at once."""
        at = min(-self.size % 1024, len(leaves))
        for leaf in leaves[:at]:
            self.add(0, leaf)
        while len(leaves) - at >= 1024:
            row = leaves[at:at + 1024]
            at += 1024
            while len(row) > 1:
                row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2])]
            self.add(10, row[0])
        for leaf in leaves[at:]:
            self.add(0, leaf)

    def root(self):
        return fold_right([node for _level, node in self.peaks])


def fold_right(nodes):
    if not nodes:
        return sha256(b"").digest()
    node = nodes[-1]
    for left in nodes[-2::-1]:
        node = node_of(left, node)
    return node


def cover(low, high):
    """The fewest perfect subtrees over the leaves low … high-1, as (index, level)."""
    while low < high:
        level = (high - low).bit_length() - 1
        if low:
            level = min(level, (low & -low).bit_length() - 1)
        yield low, level
        low += 1 << level


# The files of a bundle.


class Folder:
    """Reads files below one folder, and nothing else: no links, no way up."""

    def __init__(self, path):
        self.path = path

    def listed(self):
        found = []
        for at, folders, files in os.walk(self.path):
            for name in folders + files:
                whole = os.path.join(at, name)
                mode = os.lstat(whole).st_mode
                relative = os.path.relpath(whole, self.path).replace(os.sep, "/")
                need(stat.S_ISDIR(mode) or stat.S_ISREG(mode), f"{relative!r} is neither a file nor a folder.")
                if stat.S_ISREG(mode):
                    found.append(relative)
        return found

    def has(self, name):
        return os.path.isfile(os.path.join(self.path, *name.split("/")))

    def open(self, name):
        need(NAME.fullmatch(name), f"{name!r} is no name of a file in a bundle.")
        whole = self.path
        for part in name.split("/"):
            whole = os.path.join(whole, part)
            need(os.path.exists(whole), f"{name} is missing.")
            need(not os.path.islink(whole), f"{name} is a link.")
        need(os.path.isfile(whole), f"{name} is no file.")
        return open(whole, "rb")

    def read(self, name, limit=SMALL):
        with self.open(name) as file:
            data = file.read(limit + 1)
        need(len(data) <= limit, f"{name} is larger than it can be.")
        return data

    def json(self, name):
        return loads(self.read(name), name)

    def hash(self, name):
        digest = sha256()
        with self.open(name) as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def blocks(self, name, digest=None):
        """Whole lines of a file, unpacked if it is .gz: a few at a time, never the file."""
        rest = b""
        with self.open(name) as file:
            for block in inflated(file, name) if name.endswith(".gz") else iter(lambda: file.read(READ), b""):
                if digest:
                    digest.update(block)
                cut = block.rfind(b"\n") + 1
                if cut:
                    yield rest + block[:cut]
                    rest = block[cut:]
                else:
                    rest += block
                need(len(rest) <= LINE, f"{name} has a line that is too long.")
        need(not rest, f"{name} ends within a line.")

    def lines(self, name):
        for block in self.blocks(name):
            yield from block[:-1].split(b"\n")


def inflated(file, name):
    """The content of a gzip file of one member, a megabyte at most at a time."""
    engine = zlib.decompressobj(31)
    while data := file.read(READ):
        while True:
            need(not engine.eof, f"{name} goes on after its end.")
            try:
                block = engine.decompress(data, 1 << 20)
            except zlib.error:
                raise Fail(f"{name} cannot be unpacked.") from None
            if block:
                yield block
            data = engine.unused_data or engine.unconsumed_tail
            if not data and len(block) < 1 << 20:
                break
    need(engine.eof, f"{name} cannot be unpacked: its end is missing.")


def once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def integer(text):
    """Whole numbers below 2^53, the only numbers that canonical JSON has one certain form for."""
    if not re.fullmatch("-?[0-9]{1,15}", text):
        raise ValueError("no whole number")
    return int(text)


def loads(data, name):
    try:
        return json.loads(data, object_pairs_hook=once, parse_int=integer, parse_float=integer, parse_constant=integer)
    except (ValueError, RecursionError):
        raise Fail(f"{name} is no JSON.") from None


def canonical(value):
    """RFC 8785 for text, whole numbers, true, false, null, lists and objects with ASCII names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def whole(value, least=0):
    return type(value) is int and value >= least


def root_of(text):
    need(isinstance(text, str) and HEX.fullmatch(text), "A hash is none.")
    return bytes.fromhex(text)


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(count, one, many):
    return one if count == 1 else many.format(f"{count:,}")


# The checks.


class Verifier:
    """One bundle. `keys` and `policy` are known from elsewhere, `previous` is an earlier bundle of the same log."""

    def __init__(self, path, keys=(), policy=None, previous=None):
        self.files, self.report = Folder(path), Report()
        self.known, self.policy, self.previous = list(keys) + (policy.logs if policy else []), policy, previous
        self.sums, self.keys, self.own, self.lost, self.trusted, self.manifest = {}, [], [], [], [], None
        self.root = self.statement = self.global_note = self.log_note = self.walk = None
        self.proved, self.pruned = {}, []

    def run(self):
        for name in ("manifest.json", "SHA256SUMS"):
            if not self.files.has(name):
                raise NoBundle(f"there is no {name} in it")
        run = self.report.run
        run("sums", self.check_sums)
        run("keys", self.check_keys)
        run("signature", self.check_signature)
        run("manifest", self.check_manifest)
        if self.manifest is None:
            for name in CHECKS[4:15]:
                self.report.fail(name, "This cannot be checked without a manifest.")
            return self.report
        run("checkpoint", self.check_checkpoint)
        run("pruned", self.read_pruned)
        self.walk = Walk(self)
        run("entries", self.walk.run)
        run("tree", self.walk.end)
        run("epoch", self.check_epoch)
        run("totals", self.check_totals)
        run("complete", self.check_complete)
        run("time", self.check_time)
        run("consistency", self.check_consistency)
        run("pruned", self.check_pruned)
        run("witnesses", self.check_witnesses)
        run("timestamp", self.check_timestamp)
        return self.report

    def check_sums(self):
        text = self.files.read("SHA256SUMS").decode("ascii")
        need(text.endswith("\n"), "SHA256SUMS ends within a line.")
        for line in text[:-1].split("\n"):
            found = re.fullmatch("([0-9a-f]{64})  (.+)", line)
            need(found and NAME.fullmatch(found.group(2)) and found.group(2) not in self.sums, "SHA256SUMS has a line that is none, or a name that is no file of a bundle.")
            self.sums[found.group(2)] = found.group(1)
        there = set(self.files.listed()) - {"SHA256SUMS", "SHA256SUMS.sig"}
        for name in sorted(there - set(self.sums)):
            self.report.fail("sums", f"{name!r} is there and is not listed.")
        for name in sorted(set(self.sums) - there):
            self.report.fail("sums", f"{name} is listed and is missing.")
        for name in sorted(there & set(self.sums)):
            if self.files.hash(name) != self.sums[name]:
                self.report.fail("sums", f"{name} is not what was sealed: its hash differs.")
        if not self.report.failed("sums"):
            self.report.ok("sums", f"All {len(self.sums)} files are listed and unchanged, and nothing else is there.")

    def check_keys(self):
        listed = self.files.json("keys.json")["keys"]
        need(isinstance(listed, list) and 0 < len(listed) <= 1000, "keys.json lists no keys.")
        for item in listed:
            key = Key(item["vkey"])
            need(key.name == item["name"] and pem_fits(key, item.get("pem")), f"The key {item['name']} is written in two ways that differ.")
            self.keys.append((key, item))
        pairs = [(key, item) for key, item in self.keys if key.kind == 1 and item["type"] == "ed25519"]
        need(pairs, "keys.json lists no Ed25519 key of the log.")
        self.own = [key for key, _item in pairs]
        self.lost = [key for (key, item), older in zip(pairs, self.own[1:]) if declared_lost(item, older)]
        broken = [key for (key, item), older in zip(pairs, self.own[1:]) if key not in self.lost and not endorsed(item, [older])]
        broken += [key for key, item in self.keys if key not in self.own and item.get("endorsed_by") and not endorsed(item, self.own)]
        for key in broken:
            self.report.fail("keys", f"The key {key.name} ({key.fingerprint()[:16]}) is not endorsed by the one before it.")
        self.trust(self.own, broken)
        if not self.report.failed("keys"):
            self.report.ok("keys", number(len(pairs), "There is one signing key.", "There are {} signing keys, each endorsed by the one before it." if not self.lost
                                          else "There are {} signing keys, each endorsed by the one before it or declared to stand for one that was lost."))
        for key in self.lost:
            self.report.note("keys", f"The key {key.name} ({key.fingerprint()[:16]}) is endorsed by nobody: the one before it was declared lost. "
                                     "Ask for it by a way you trust; the older key does not lead to it.")
        if not self.known:
            newest = self.own[0]
            self.report.note("keys", f"The keys come from this bundle itself. Compare with what you know from elsewhere: {newest.name}, SHA-256 of the public key {newest.fingerprint()}.")
        if count := sum(key.kind == 6 for key, _item in self.keys):
            self.report.note("keys", number(count, "One key is of a kind that is not checked here (ML-DSA-44).", "{} keys are of a kind that is not checked here (ML-DSA-44)."))

    def trust(self, keys, broken):
        """Without keys from elsewhere, those in the bundle. With them, they and every newer key that they lead to."""
        self.trusted = keys
        if self.known:
            known = {key.public for key in self.known}
            oldest = [n for n, key in enumerate(keys) if key.public in known]
            self.trusted = []
            for n in oldest:
                self.trusted.append(keys[n])
                while n and keys[n - 1] not in broken and keys[n - 1] not in self.lost:
                    n -= 1
                    self.trusted.append(keys[n])
            need(self.trusted, "None of the keys here is one that you know from elsewhere.")

    def check_signature(self):
        signature, text = self.files.read("SHA256SUMS.sig", 1 << 16), self.files.read("SHA256SUMS")
        for key in self.trusted:
            if ed25519(key.public, text, signature):
                self.report.ok("signature", f"The list of files is signed by the key {key.name}, SHA-256 of the public key {key.fingerprint()}.")
                return
        raise Fail("The list of files is not signed by a key that is trusted here.")

    def check_manifest(self):
        data = self.files.read("manifest.json")
        m = loads(data, "manifest.json")
        need(isinstance(m, dict) and m.get("v") == 1, "The manifest is of a version this verifier does not know.")
        need(canonical(m) + b"\n" == data, "The manifest is not in canonical form.")
        need(all(isinstance(m[k], str) for k in ("export", "organization", "name", "log", "completeness", "root")) and isinstance(m["filter"], dict), "The manifest lacks what it must say.")
        need(re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", m["organization"]), "The manifest names no organization.")
        need(whole(m["size"]) and HEX.fullmatch(m["root"]), "The manifest names no tree.")
        need(whole(m["first"], 1) and whole(m["last"]) and m["last"] <= m["size"] and m["first"] <= m["last"] + 1, "The manifest's range of numbers is none.")
        kind, used = m["completeness"], sorted(k for k, v in m["filter"].items() if v)
        need(kind in ("range", "actor", "target", "attested"), "The manifest does not say how complete it is.")
        need(kind == "attested" or used == ([] if kind == "range" else [kind]), "The manifest promises more than its filter lets it prove.")
        dates, disclosed, target = m.get("dates") or {}, m["disclosed"], m["filter"].get("target") or {"type": "", "id": ""}
        need(whole(disclosed["count"]) and isinstance(disclosed.get("withheld") or [], list) and all(isinstance(dates.get(end) or "", str) for end in ("since", "until"))
             and all(isinstance(text, str) for text in (m["filter"].get("actor") or "", target["type"], target["id"])), "The manifest lacks what it must say.")
        chunks, entries = m["chunks"], m["entries"]
        need(all(NAME.fullmatch(c["file"]) and whole(c["count"], 1) and whole(c["first_seq"], 1) and c["first_seq"] + c["count"] - 1 <= c["last_seq"] for c in chunks),
             "A part in the manifest has no certain form.")
        need(all(a["last_seq"] < b["first_seq"] for a, b in zip(chunks, chunks[1:])), "The parts in the manifest are not in order.")
        need(sum(c["count"] for c in chunks) == entries["count"], "The manifest counts its entries in two ways that differ.")
        need(not chunks or (entries["first_seq"], entries["last_seq"]) == (chunks[0]["first_seq"], chunks[-1]["last_seq"]), "The manifest names other first or last entries than its parts.")
        need({c["file"] for c in chunks} == {name for name in self.sums if name.startswith("events/")}, "The manifest's parts are not the files in events/.")
        for item in [*chunks, *m.get("files", [])]:
            need(self.sums.get(item["file"]) == item["sha256"], f"The manifest gives {item['file']} another hash than SHA256SUMS.")
        self.manifest = m
        count = number(entries["count"], "one entry", "{} entries")
        self.report.ok("manifest", f"Export {m['export']} of the log of {m['name']}: {count} of the numbers {m['first']} to {m['last']}, from a log of {m['size']:,}.")

    def note_of(self, name):
        try:
            return Note(self.files.read(name).decode())
        except (ValueError, UnicodeDecodeError):
            raise Fail(f"{name} is no signed note.") from None

    def check_checkpoint(self):
        self.log_note = self.note_of("proof/checkpoint")
        origin, size, root = self.log_note.checkpoint()
        need(origin == self.manifest["log"], "The checkpoint is of another log.")
        need(size == self.manifest["size"] and root.hex() == self.manifest["root"], "The checkpoint is of another tree than the manifest says.")
        signers = self.log_note.signers(self.trusted)
        need(signers, "The checkpoint is not signed by a key that is trusted here.")
        self.root = root
        self.report.ok("checkpoint", f"The log at {size:,} entries is signed by the key {signers[0].name}.")
        if count := self.log_note.unchecked(self.keys):
            self.report.note("checkpoint", number(count, "One ML-DSA-44 signature is there. It is not checked here.", "{} ML-DSA-44 signatures are there. They are not checked here."))

    def read_pruned(self):
        if "proof/pruned.json" not in self.sums:
            return
        last = 0
        for item in self.files.json("proof/pruned.json"):
            need(whole(item["first"], last + 1) and whole(item["last"], item["first"]) and item["last"] <= self.manifest["size"], "The removed ranges are not in order.")
            need(item["count"] == item["last"] - item["first"] + 1 and HEX.fullmatch(item["root"]), "A removed range does not count what it names.")
            last = item["last"]
            self.pruned.append(item)

    def removed(self, low, high):
        """How many of the numbers low … high retention removed."""
        return sum(max(0, min(high, p["last"]) - max(low, p["first"]) + 1) for p in self.pruned)

    def check_epoch(self):
        epoch = self.files.json("proof/epoch.json")
        said = loads(epoch["statement"], "The statement of the log's state")
        need(canonical(said).decode() == epoch["statement"] and said["v"] == 1, "The statement of the log's state is not in canonical form.")
        need(said["log"] == self.manifest["log"] and said["size"] == self.manifest["size"] and said["root"] == self.manifest["root"], "The statement is of another log or of another state of it.")
        self.global_note = self.note_of("proof/global-checkpoint")
        origin, size, root = self.global_note.checkpoint()
        need(self.global_note.signers(self.trusted), "The checkpoint of the root log is not signed by a key that is trusted here.")
        need(origin != self.manifest["log"], "The checkpoint of the root log is of this log.")
        need(whole(epoch["index"]) and epoch["size"] == size, "The place in the root log is of another size of it.")
        need(included(epoch["index"], size, leaf_of(epoch["statement"].encode()), [root_of(step) for step in epoch["proof"]], root), "The statement is not in the root log at its place.")
        self.statement = said
        self.report.ok("epoch", f"The signer stated this tree at {said['at']}: statement {epoch['index'] + 1:,} of {size:,} in the root log {origin}.")

    def check_totals(self):
        kind = self.manifest["completeness"]
        if "proof/totals.json" not in self.sums:
            if kind in ("actor", "target"):
                self.report.note("totals", "There are no proven totals here.")
            else:
                self.report.ok("totals", "Nothing here relies on a total.")
            return
        need(self.statement, "The totals cannot be checked without the statement of the log's state.")
        root, found = root_of(self.statement["totals"]), self.files.json("proof/totals.json")
        for item in found:
            need(isinstance(item["kind"], str) and isinstance(item["id"], str) and whole(item["n"]), "A total does not say whose it is.")
            need(total_root(item) == root, f"The total of {item['kind']} {item['id']} is not what was signed.")
            self.proved[(item["kind"], item["id"])] = item["n"]
        self.report.ok("totals", number(len(found), "One total is what was signed with the log.", "{} totals are what was signed with the log."))

    def check_complete(self):
        m, walk = self.manifest, self.walk
        need(walk.done, "This cannot be checked: the entries could not be read.")
        if m["completeness"] == "attested":
            self.report.note("complete", "What is here is genuine. That nothing else fits the filter is the word of whoever made the export, not proven.")
            return
        if m["completeness"] == "range":
            absent = sum(high - low + 1 - self.removed(low, high) for low, high in walk.holes(m["first"], m["last"]))
            need(absent == 0, f"The export says it has every number from {m['first']} to {m['last']}, but {absent} are not there.")
            self.report.ok("complete", f"Every number from {m['first']} to {m['last']} is there{', or was removed by retention' if self.removed(m['first'], m['last']) else ''}: nothing was left out.")
        else:
            self.counted(m, walk)
        dates = m.get("dates") or {}
        if dates.get("since") or dates.get("until"):
            self.report.note("complete", "Which numbers belong to the dates asked for is taken from the manifest.")

    def counted(self, m, walk):
        """Numbers of one actor's or one target's entries: without a hole, from what stands before the range to what stands after it or to the signed total."""
        kind, key = walk.counted
        before, after = [(seq, ns[-1]) for seq, ns in walk.outside if seq < m["first"]], [(seq, ns[0]) for seq, ns in walk.outside if seq > m["last"]]
        at_seq, low = max(before) if before else (0, 0)
        if after:
            end_seq, end = min(after)
        else:
            need((kind, key) in self.proved, "There is neither an entry after the range nor a proven total: entries at the end could be missing.")
            end_seq, end = m["size"] + 1, self.proved[(kind, key)] + 1
        at, lost, high = low, 0, end - 1
        for seq, (first, last) in [*walk.numbers, (end_seq, (end, end))]:
            need(first > at, f"The numbers of this {kind} do not go up.")
            need(first - at - 1 <= self.removed(at_seq + 1, seq - 1), f"Entries are missing: those with the numbers {at + 1} to {first - 1} of this {kind} are not here.")
            lost += first - at - 1
            at_seq, at = seq, last
        gone = f" ({lost:,} of them were removed by retention)" if lost else ""
        self.report.ok("complete", f"The entries of this {kind} are those with the numbers {low + 1} to {high}, without a hole{gone}: nothing was left out." if high > low
                       else f"This {kind} has no entries in the range: nothing was left out.")

    def check_time(self):
        need(self.walk.done, "This cannot be checked: the entries could not be read.")
        notes, sizes = {}, {}
        if self.global_note:
            _origin, size, root = self.global_note.checkpoint()
            sizes[size] = root
        if "proof/checkpoints.jsonl" in self.sums:
            for line in self.files.lines("proof/checkpoints.jsonl"):
                item = loads(line, "proof/checkpoints.jsonl")
                note = Note(item["note"])
                origin, size, root = note.checkpoint()
                need(sha256(note.text.encode()).hexdigest() == item["sha256"] and size == item["size"], "A checkpoint is not the one it is listed as.")
                need(self.global_note and origin == self.global_note.checkpoint()[0] and size <= max(sizes), "A checkpoint is not of this root log.")
                need(note.signers(self.own), "A checkpoint of the root log is not signed by a key of this log.")
                need(sizes.setdefault(size, root) == root, "Two checkpoints show different root logs of one size.")
                notes[item["sha256"]] = size
        last = 0
        for text in self.walk.previous:
            named = json.loads(text)
            if named is None:
                need(last == 0, "An entry names no checkpoint although an earlier one does.")
                continue
            need(notes.get(named["sha256"]) == named["size"], "An entry names a checkpoint that is not here.")
            need(named["size"] >= last, "Entries name checkpoints that run backwards.")
            last = named["size"]
        if self.walk.from_at:
            self.report.ok("time", f"The moments run from {self.walk.from_at} to {self.walk.to_at} without a step back, and every checkpoint that an entry names is here and signed.")
        else:
            self.report.ok("time", "There are no entries whose time could be wrong.")
        if not last:
            self.report.note("time", "No entry names a checkpoint: that it is not older than it says is not proven.")

    def check_consistency(self):
        m, said = self.manifest, None
        if "proof/consistency.json" in self.sums:
            said = self.files.json("proof/consistency.json")
            need(whole(said["size"], 1) and consistent(said["size"], m["size"], root_of(said["root"]), root_of(m["root"]), [root_of(step) for step in said["proof"]]),
                 f"The log is not a continuation of the one that export {said['export']} showed.")
            self.report.ok("consistency", f"The log is a continuation of the one that export {said['export']} showed, at {said['size']:,} entries.")
        if self.previous:
            self.compare(m, said)
        elif said is None:
            self.report.note("consistency", "No earlier export of the same matter is named.")

    def compare(self, m, said):
        """With the bundle you kept: the same log, and its tree the beginning of this one."""
        older = loads(Folder(self.previous).read("manifest.json"), "The earlier manifest")
        origin, size, root = Note(Folder(self.previous).read("proof/checkpoint").decode()).checkpoint()
        need(origin == m["log"], "The earlier export is of another log.")
        if size == m["size"]:
            need(root.hex() == m["root"], "The earlier export shows another log of the same size: history was changed.")
        else:
            need(size < m["size"], "The earlier export shows a longer log than this one: entries were removed from the end.")
            need(said and (said["size"], said["root"]) == (size, root.hex()), "There is no proof here that this log continues the one of the earlier export.")
        self.report.ok("consistency", f"It fits the earlier export {older['export']} that you gave.")

    def check_pruned(self):
        m = self.manifest
        need(self.walk.done, "This cannot be checked: the entries could not be read.")
        wrong = [p for p in self.pruned if self.walk.present(p["first"], p["last"])]
        need(not wrong, "An entry is there that retention is said to have removed.")
        nodes = self.walk.kept
        for p in self.pruned:
            if (p["first"] - 1) % (1 << (p["count"] - 1).bit_length()):
                continue  # the tree has no hash of these entries alone
            parts = [nodes.get(part) for part in cover(p["first"] - 1, p["last"])]
            need(None in parts or fold_right(parts).hex() == p["root"], f"The removed range {p['first']} to {p['last']} had another root.")
        count = self.removed(m["first"], m["last"])
        one, many = "One entry of the range was removed by retention; its hash still is in the tree.", "{} entries of the range were removed by retention; their hashes still are in the tree."
        self.report.ok("pruned", number(count, one, many) if count else "Retention removed nothing of the range.")

    def check_witnesses(self):
        if self.global_note is None:
            self.report.note("witnesses", "There is no checkpoint of the root log that witnesses could have signed.")
            return
        if self.policy:
            need(self.policy.met(self.global_note), "The witnesses that your policy asks for have not signed the checkpoint of the root log.")
            self.report.ok("witnesses", f"The quorum of your policy is met: {self.policy.quorum}.")
            return
        own = Policy(self.files.read("policy").decode()) if "policy" in self.sums else None
        seen = [name for name, key in own.witnesses.items() if self.global_note.cosigned(key) is not None] if own else []
        self.report.note("witnesses", f"Signed by the witnesses {', '.join(seen)}, as the policy in this bundle names them." if seen
                         else "No witness has signed. Whoever holds the log's key could have shown others another log.")

    def check_timestamp(self):
        if "timestamp.tsr" not in self.sums:
            self.report.note("timestamp", "There is no time stamp of an outside authority.")
            return
        need(bytes.fromhex(self.sums["manifest.json"]) in self.files.read("timestamp.tsr"), "The time stamp is not over this manifest.")
        self.report.note("timestamp", "There is a time stamp over the manifest. Check its signature with: openssl ts -verify -data manifest.json -in timestamp.tsr -CAfile AUTHORITY.pem")


def pem_fits(key, pem):
    if key.kind != 1:
        return True
    body = re.fullmatch(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END PUBLIC KEY-----\s*", pem or "")
    return bool(body) and base64.b64decode(body.group(1)) == SPKI + key.public


def endorsed(item, elders):
    """Whether one of these keys signed that this one is its successor."""
    said = item.get("endorsed_by") or {}
    text = f"steward/key/v1\n{item['vkey']}\n{item['from']}\n".encode()
    return any(elder.vkey == said.get("vkey") and ed25519(elder.public, text, base64.b64decode(said["signature"])) for elder in elders)


def declared_lost(item, older):
    """Whether the key says that the one before it, and no other, was lost, so that nobody endorsed it."""
    said = item.get("endorsed_by") or {}
    return "signature" not in said and said.get("lost") == older.vkey


def total_root(item):
    """The root that a proof of a total leads to: upwards from the leaf, or from the place where it would be."""
    key, siblings = sha256(f"{item['kind']}:{item['id']}".encode()).digest(), [root_of(s) for s in item["siblings"]]
    need(len(siblings) <= 256, "A total has too long a proof.")
    bits = int.from_bytes(key, "big")
    if item["n"]:
        nonce = bytes.fromhex(item["nonce"])
        need(len(nonce) == 16 and item["n"] < 2**63, "A total has no certain form.")
        node = sha256(b"\x00" + key + sha256(item["n"].to_bytes(8, "big") + nonce).digest()).digest()
    elif item.get("other"):
        other = root_of(item["other"]["key"])
        need(other != key and int.from_bytes(other, "big") >> (256 - len(siblings)) == bits >> (256 - len(siblings)), "A total that is said not to exist could stand elsewhere.")
        node = sha256(b"\x00" + other + root_of(item["other"]["inner"])).digest()
    else:
        node = bytes(32)
    for depth in range(len(siblings) - 1, -1, -1):
        sibling = siblings[len(siblings) - 1 - depth]
        node = node_of(sibling, node) if bits >> (255 - depth) & 1 else node_of(node, sibling)
    return node


class Walk:
    """One pass over the entries: form, hashes, numbers, tree, filter, openings. Holds a block of lines at a time."""

    def __init__(self, verifier):
        self.v, self.m, self.report, self.files = verifier, verifier.manifest, verifier.report, verifier.files
        self.line = re.compile(rb'\{"envelope":(' + ENVELOPE.replace(b"ORG", re.escape(self.m["organization"]).encode()) + rb'),"record":(\{.*\})\}\n')
        self.fold, self.done, self.count, self.last = Fold(), False, 0, 0
        self.numbers, self.outside, self.runs, self.previous, self.kept = [], [], [], [], {}
        self.from_at = self.to_at = ""
        self.filter = {key: value for key, value in self.m["filter"].items() if value}
        self.counted = None
        if self.m["completeness"] == "actor":
            self.counted = ("actor", self.filter["actor"])
        elif self.m["completeness"] == "target":
            self.counted = (self.filter["target"]["type"], self.filter["target"]["id"])
        self.dates = [(self.m.get("dates") or {}).get(end) if self.m.get("time_zone") == "UTC" else None for end in ("since", "until")]
        self.gap = self.edge = self.opening = None
        self.openings_seen = 0

    def run(self):
        self.gaps = self.files.lines("proof/gaps.jsonl.gz") if "proof/gaps.jsonl.gz" in self.v.sums else iter(())
        self.edges, self.openings = self.boundary(), self.disclosures()
        self.parts = {part for p in self.v.pruned for part in cover(p["first"] - 1, p["last"])}
        self.gap, self.edge, self.opening = self.next_gap(), next(self.edges, None), next(self.openings, None)
        for chunk in self.m["chunks"]:
            self.chunk(chunk)
        self.fill(self.m["size"])
        need(self.gap is None and self.edge is None, "There are hashes or entries beyond the tree.")
        self.done = True

    def end(self):
        """Say what was found, once everything was read."""
        report, m = self.report, self.m
        if not self.done:
            for name in ("tree", "filter", "disclosures"):
                report.fail(name, "This cannot be checked: the entries could not be read.")
            return
        if not report.failed("entries"):
            report.ok("entries", number(self.count, "One entry has its form, its hash and its number.", "{} entries have their form, their hashes and their numbers."))
        if self.fold.root().hex() == m["root"] and self.v.root:
            report.ok("tree", f"The entries and the hashes of what is not here give the root that was signed: {m['root']}.")
        else:
            report.fail("tree", "The entries do not give the root that was signed.")
        if not report.failed("filter"):
            report.ok("filter", "Every entry fits the filter." if self.filter or any(self.dates) else "There is no filter beside the range.")
        if self.opening is not None:
            report.fail("disclosures", "An opening belongs to no entry here, or is out of order.")
        said = m["disclosed"]
        if self.openings_seen != said["count"]:
            report.fail("disclosures", f"The manifest counts {said['count']} openings, {self.openings_seen} are there.")
        if not report.failed("disclosures"):
            report.ok("disclosures", number(self.openings_seen, "One opened value is what the log was given.", "{} opened values are what the log was given.")
                      if self.openings_seen else "No values are opened here.")
        for item in said.get("withheld") or []:
            report.note("disclosures", f"Withheld: {item['path']}, {number(item['count'], 'one value', '{} values')}, on the ground: {item['ground']}.")
        if said.get("erased"):
            report.note("disclosures", number(said["erased"], "One value was erased from the log for good.", "{} values were erased from the log for good."))

    def next_gap(self):
        line = next(self.gaps, None)
        if line is None:
            return None
        found = GAP.fullmatch(line)
        need(found and int(found.group(2)) < 63, "The gaps have a line that is none.")
        return int(found.group(1)), int(found.group(2)), bytes.fromhex(found.group(3).decode())

    def boundary(self):
        if "proof/boundary.jsonl" in self.v.sums:
            data = self.files.read("proof/boundary.jsonl", 64 * LINE)
            found = self.line.findall(data)
            need(len(found) <= 16 and sum(len(f[0]) + len(f[-1]) + AROUND for f in found) == len(data), "The entries outside the range have no certain form.")
            for item in found:
                seq = int(item[5])
                need(seq < self.m["first"] or seq > self.m["last"], "An entry of the boundary is inside the range.")
                need(sha256(item[7]).hexdigest().encode() == item[3], f"The record of entry {seq} is not what was hashed.")
                yield seq, item

    def disclosures(self):
        for name in sorted(name for name in self.v.sums if name.startswith("disclosures/")):
            for line in self.files.lines(name):
                self.openings_seen += 1
                need(self.openings_seen <= self.m["disclosed"]["count"], "There are more openings than the manifest counts.")
                yield loads(line, name)

    def fill(self, index):
        """Bring the tree up to this leaf with hashes of what is not here, and with the entries just outside the range."""
        while self.fold.size < index:
            if self.edge and self.edge[0] - 1 == self.fold.size:
                seq, item = self.edge
                self.fold.add(0, leaf_of(item[0]))
                self.judge_outside(seq, item)
                self.edge = next(self.edges, None)
                continue
            need(self.gap and self.gap[0] == self.fold.size and self.gap[0] + (1 << self.gap[1]) <= index, f"Entry {self.fold.size + 1} is neither here nor among the hashes of what is not here.")
            if self.gap[:2] in self.parts:
                self.kept[self.gap[:2]] = self.gap[2]
            self.fold.add(self.gap[1], self.gap[2])
            self.gap = self.next_gap()

    def chunk(self, chunk):
        digest, left, first = sha256(), chunk["count"], True
        for block in self.files.blocks(chunk["file"], digest):
            found = self.line.findall(block)
            if sum([len(f[0]) + len(f[-1]) for f in found]) + AROUND * len(found) != len(block):
                raise Fail(f"{chunk['file']} has a line that is no entry of this log, after number {self.culprit(block)}.")
            left -= len(found)
            need(left >= 0, f"{chunk['file']} has more entries than the manifest says.")
            if first:
                need(int(found[0][5]) == chunk["first_seq"], f"{chunk['file']} does not begin where the manifest says.")
                first = False
            self.take(found)
        need(left == 0 and self.last == chunk["last_seq"], f"{chunk['file']} does not end where the manifest says.")
        need(digest.hexdigest() == chunk["content_sha256"], f"{chunk['file']} does not have the content the manifest says.")

    def culprit(self, block):
        last = self.last
        for line in block.splitlines(True):
            found = self.line.fullmatch(line)
            if not found:
                return last
            last = int(found.group(6))
        return last

    def take(self, found):
        """A block of entries. What is the same for all is done for all at once."""
        envelopes, _actor, previous, hashes, moments, numbers, _target, records = zip(*found)
        seqs = list(map(int, numbers))
        need(seqs[0] > self.last and all(map(lt, seqs, seqs[1:])), f"The entries after number {self.last} are not in order.")
        need(self.m["first"] <= seqs[0] and seqs[-1] <= self.m["last"], f"An entry near number {seqs[0]} is outside the range.")
        digests = [sha256(record).digest() for record in records]
        if b"".join(digests).hex().encode() != b"".join(hashes):
            for seq, digest, said in zip(seqs, digests, hashes):
                if digest.hex().encode() != said:
                    self.report.fail("entries", f"The record of entry {seq} is not what was hashed.")
        leaves = [sha256(b"\x00" + envelope).digest() for envelope in envelopes]
        if seqs[-1] - seqs[0] + 1 == len(seqs):
            self.fill(seqs[0] - 1)
            self.fold.extend(leaves)
        else:
            for seq, leaf in zip(seqs, leaves):
                self.fill(seq - 1)
                self.fold.add(0, leaf)
        self.runs_of(seqs)
        self.moments(moments)
        for text, _group in groupby(previous):
            if not self.previous or self.previous[-1] != text:
                self.previous.append(text)
        if self.filter or any(self.dates):
            self.judge(found, seqs)
        if self.opening is not None:
            self.open(records, seqs)
        self.last, self.count = seqs[-1], self.count + len(seqs)

    def runs_of(self, seqs):
        if self.runs and self.runs[-1][1] + 1 == seqs[0] and seqs[-1] - seqs[0] + 1 == len(seqs):
            self.runs[-1][1] = seqs[-1]
        elif self.m["completeness"] == "range" or self.v.pruned:
            for seq in seqs:
                if self.runs and self.runs[-1][1] + 1 == seq:
                    self.runs[-1][1] = seq
                else:
                    self.runs.append([seq, seq])

    def holes(self, first, last):
        """The numbers between these two that are not here, as runs."""
        for low, high in self.runs:
            if low > first:
                yield first, low - 1
            first = high + 1
        if first <= last:
            yield first, last

    def present(self, first, last):
        return any(low <= last and high >= first for low, high in self.runs)

    def moments(self, moments):
        if self.to_at > moments[0].decode() or list(moments) != sorted(moments):
            self.report.fail("time", f"The moment of an entry after number {self.last} is before the one of the entry before it.")
        self.from_at, self.to_at = self.from_at or moments[0].decode(), moments[-1].decode()

    def judge(self, found, seqs):
        """Whether each entry fits the filter; and of the filtered actor or target, the numbers it has."""
        since, until = self.dates
        for seq, item in zip(seqs, found):
            day = item[4][:10].decode()
            if not ((since is None or since <= day) and (until is None or day <= until)):
                self.report.fail("filter", f"Entry {seq} is of a day that was not asked for.")
            if self.filter:
                record = loads(item[7], f"The record of entry {seq}")
                if not fits(record, self.filter):
                    self.report.fail("filter", f"Entry {seq} does not fit the filter.")
                if self.counted:
                    mine = self.mine(record, item)
                    if mine and mine == list(range(mine[0], mine[0] + len(mine))):
                        self.add_numbers(seq, mine)
                    else:
                        self.report.fail("complete", f"Entry {seq} does not have numbers of its own in the order of the filter.")

    def add_numbers(self, seq, mine):
        """Remember runs, not numbers: as long as nothing is missing, one."""
        if self.numbers and self.numbers[-1][1][1] + 1 == mine[0] and not self.v.pruned:
            self.numbers[-1] = (self.numbers[-1][0], (self.numbers[-1][1][0], mine[-1]))
        else:
            self.numbers.append((seq, (mine[0], mine[-1])))

    def mine(self, record, item):
        kind, key = self.counted
        if kind == "actor" and self.m["completeness"] == "actor":
            return [int(item[1])] if record["actor"].get("id") == key and item[1] != b"null" else []
        counts = [int(n) for n in item[6].split(b",")] if item[6] else []
        return [n for target, n in zip(record.get("targets", []), counts) if (target["type"], target["id"]) == (kind, key)]

    def judge_outside(self, seq, item):
        mine = self.mine(loads(item[7], f"The record of entry {seq}"), item) if self.counted else []
        if mine:
            self.outside.append((seq, mine))

    def open(self, records, seqs):
        """Openings come in the order of the entries they belong to: by number or by id."""
        at, parsed, where = 0, None, -1
        while self.opening is not None and at < len(records):
            entry = self.opening["entry"]
            if seqs[at] != entry if isinstance(entry, int) else f'"event_id":"{entry}"'.encode() not in records[at]:
                at += 1
                continue
            if where != at:
                parsed, where = loads(records[at], f"The record of entry {seqs[at]}"), at
            if not isinstance(entry, int) and parsed.get("event_id") != entry:
                at += 1
                continue
            path, salt, value = self.opening["path"], self.opening["salt"], self.opening["value"]
            raw = base64.urlsafe_b64decode(salt + "=" * (-len(salt) % 4))
            if len(raw) < 16 or unpadded(raw) != salt or unpadded(sha256(canonical([salt, path, value])).digest()) != reach(parsed, path):
                self.report.fail("disclosures", f"The opening of {path} in entry {seqs[at]} does not open what was recorded.")
            self.opening = next(self.openings, None)


def reach(record, path):
    """What stands at a path like targets.0.label, or None."""
    for part in path.split("."):
        if isinstance(record, list) and part.isdigit() and int(part) < len(record):
            record = record[int(part)]
        elif isinstance(record, dict):
            record = record.get(part)
        else:
            return None
    return record


def fits(record, wanted):
    """Whether a record fits the filter. Names as in the manifest."""
    actor, delegation, why = record["actor"], record.get("delegation", {}), record.get("why", {})
    facts = {"actor": actor.get("id"), "acted_as": delegation.get("acted_as"), "token": actor.get("token_id"), "plan": delegation.get("plan"),
             "ticket": why.get("ticket"), "matter": why.get("matter")}
    many = {"actions": record["action"], "categories": record["category"], "outcomes": record["decision"]["outcome"]}
    for name, value in wanted.items():
        if name == "target":
            if not any((t["type"], t["id"]) == (value["type"], value["id"]) for t in record.get("targets", [])):
                return False
        elif name in many:
            if many[name] not in value:
                return False
        elif name not in facts or facts[name] != value:
            return False
    return True


def verdict(report):
    failed = [name for name in CHECKS if report.failed(name)]
    if failed:
        return 1, number(len(failed), "One check failed. Do not rely on this bundle.", "{} checks failed. Do not rely on this bundle.")
    return 0, "Every check holds."


def verify(path, keys=(), policy=None, previous=None):
    """The report on one bundle. Raises NoBundle."""
    if not os.path.isdir(path):
        raise NoBundle("there is no such folder")
    return Verifier(path, keys, policy, previous).run()


def main(arguments=None):
    given = argparse.ArgumentParser(description="Checks an export of a Steward audit log. Exit status 0: every check holds; 1: one fails; 2: no bundle.")
    given.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), help="the bundle (default: the folder of this file)")
    given.add_argument("--key", action="append", default=[], metavar="VKEY", help="a signing key you know from elsewhere, as name+number+key")
    given.add_argument("--policy", metavar="FILE", help="a C2SP tlog-policy file: the logs you know, and the witnesses you ask for")
    given.add_argument("--previous", metavar="FOLDER", help="an earlier bundle of the same log, which you kept")
    given = given.parse_args(arguments)
    try:
        keys = [Key(text) for text in given.key]
        policy = None
        if given.policy:
            with open(given.policy, encoding="utf-8", errors="surrogateescape") as file:
                policy = Policy(file.read(LINE))
        if given.previous and not os.path.isdir(given.previous):
            raise NoBundle("the earlier bundle is no folder")
        report = verify(given.folder, keys, policy, given.previous)
    except NoBundle as error:
        print(f"verify: this is no export bundle: {error}.", file=sys.stderr)
        return 2
    except (Fail, ValueError, OSError) as error:
        print(f"verify: the key or the policy cannot be used: {error or type(error).__name__}", file=sys.stderr)
        return 2
    for mark, name, text in report.lines():
        print(f"{mark:<4}  {name}: {text}".encode("ascii", "backslashreplace").decode() if not (sys.stdout.encoding or "").lower().startswith("utf") else f"{mark:<4}  {name}: {text}")
    status, text = verdict(report)
    print(f"\nverdict: {text}")
    return status


if __name__ == "__main__":
    sys.exit(main())
