"""What a forger could do to a bundle, each way with the check that has to catch it. The forger has the log's key and seals the bundle anew: only what was signed before is out of reach."""
from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.audit.bundles import HOST, ORIGIN, ROOT_ORIGIN, Entry, Files, Signer, Synthetic, b64, b64u, jcs, keys_json, sha

Forge = Callable[[Synthetic], Files]


def of(log: Synthetic, name: str) -> dict[str, Any]:
    return {"actor": log.actors[0]} if name == "actor" else {"target": {"type": "person", "id": log.people[1]}}


def whose(log: Synthetic, name: str) -> list[int]:
    return [n for n, entry in enumerate(log.entries, 1) if log.fits(entry, of(log, name))]


def said(entry: Entry, *, record: bytes | None = None, **envelope: Any) -> Entry:
    """The entry with another record or envelope, hashes made to fit."""
    record = entry.record if record is None else record
    return replace(entry, record=record, envelope=jcs(json.loads(entry.envelope) | {"record_sha256": sha(record).hex()} | envelope))


def edited(files: Files, name: str, change: Callable[[Any], Any]) -> Files:
    """One JSON file changed. The manifest's own list of hashes is made to fit."""
    packed = name.endswith(".gz")
    data = change(json.loads(files[name])) if not packed else change([json.loads(line) for line in gzip.decompress(files[name]).splitlines()])
    return fitted(files | {name: gzip.compress(b"".join(jcs(line) + b"\n" for line in data), mtime=0) if packed else jcs(data) + (b"\n" if name == "manifest.json" else b"")})


def fitted(files: Files) -> Files:
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = [{"file": name, "sha256": sha(data).hex()} for name, data in sorted(files.items()) if name != "manifest.json" and not name.startswith("events/")]
    return files | {"manifest.json": jcs(manifest) + b"\n"}


def with_(**changed: Any) -> Callable[[Any], Any]:
    return lambda value: value | changed


def first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda rows: [change(rows[0]), *rows[1:]]


def altered(log: Synthetic, seq: int, entry: Entry) -> Synthetic:
    """The same log, had the signer signed this entry."""
    other = Synthetic(log.count, log.seed, log.signers)
    other.entries[seq - 1] = entry
    return other


def _rewritten_record(log: Synthetic) -> bytes:
    return log.entries[4].record.replace(b'"success"', b'"failure"').replace(b'"denied"', b'"success"')


def _stranger(log: Synthetic) -> Files:
    return fitted(log.files() | {"proof/checkpoint": Signer().note(_text(log.files()["proof/checkpoint"])).encode()})


def _text(note: bytes) -> str:
    return note.decode().rpartition("\n\n")[0] + "\n"


def _behind_itself(total: dict[str, Any]) -> dict[str, Any]:
    inner = sha(total["n"].to_bytes(8, "big") + bytes.fromhex(total["nonce"]))
    return {"kind": total["kind"], "id": total["id"], "n": 0, "siblings": total["siblings"], "other": {"key": sha(f"{total['kind']}:{total['id']}".encode()).hex(), "inner": inner.hex()}}


def spoiled(note: bytes) -> bytes:
    """The note with its signature changed, still under the number of the key."""
    text, _blank, line = note.decode().rpartition("\n\n")
    name, raw = line.rstrip("\n").removeprefix("— ").split(" ")
    data = bytearray(base64.b64decode(raw))
    data[-40] ^= 1
    return f"{text}\n\n— {name} {b64(bytes(data))}\n".encode()


def _beside(files: Files, name: str, note: str) -> Files:
    """One more line in the list of known checkpoints."""
    text = _text(note.encode())
    line = jcs({"sha256": sha(text.encode()).hex(), "size": int(text.split("\n")[1]), "note": note}) + b"\n"
    return fitted(files | {name: files[name] + line})


def _a_receipt_key(log: Synthetic) -> Files:
    files, stranger = log.files(), Signer()
    vkey = stranger.vkey(f"{HOST}/receipts")
    said = {"vkey": log.signers[0].vkey(), "signature": b64(stranger.key.sign(b"x"))}
    item = {"name": f"{HOST}/receipts", "type": "receipt", "vkey": vkey, "pem": stranger.pem(), "from": stranger.since, "until": None, "endorsed_by": said}
    return fitted(files | {"keys.json": jcs({"keys": [*json.loads(files["keys.json"])["keys"], item]}) + b"\n"})


def _renumbered(log: Synthetic) -> Files:
    """The actor's second entry has the number of the first, and all that follow one less: had the signer signed it."""
    other, mine = Synthetic(log.count, log.seed, log.signers), whose(log, "actor")
    for at, n in enumerate(mine[1:], 1):
        other.entries[n - 1] = said(other.entries[n - 1], actor_n=at)
    return other.files(wanted=of(log, "actor"), last=mine[3])


def _with_a_gap(log: Synthetic) -> Files:
    """An entry about one person twice, whose numbers leave one out, and the entry with that number is hidden: had the signer signed it."""
    mine = whose(log, "target")
    n = mine[-3]
    record = json.loads(log.entries[n - 1].record)
    record["targets"] = [{"type": "person", "id": log.people[1]}] * 2
    return altered(log, n, said(log.entries[n - 1], record=jcs(record), target_n=[len(mine) - 2, len(mine)])).files(wanted=of(log, "target"), disclose=False, hide=tuple(mine[-2:]))


def _short_salt(log: Synthetic) -> Files:
    """A salt that can be guessed, in an entry that the signer signed."""
    entry, salt = log.entries[4], b64u(b"12345678")
    opening = {**entry.openings[-1], "salt": salt}
    record = json.loads(entry.record)
    record["why"]["text"] = b64u(sha(jcs([salt, "why.text", opening["value"]])))
    return altered(log, 5, replace(said(entry, record=jcs(record)), openings=[*entry.openings[:-1], opening])).files()


def _with(log: Synthetic, wanted: dict[str, Any], fits: Callable[[dict[str, Any]], bool]) -> Files:
    """An export with one entry more, which does not fit its filter."""
    mine = [n for n, entry in enumerate(log.entries, 1) if log.fits(entry, wanted)]
    stray = next(n for n, entry in enumerate(log.entries, 1) if n not in mine and fits(json.loads(entry.record)))
    return log.files(wanted=wanted, order=sorted([*mine, stray]))


def _parts(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The manifest with other parts, and its entries counted to match."""
    def changed(manifest: dict[str, Any]) -> dict[str, Any]:
        change(manifest)
        manifest["entries"] |= {"first_seq": manifest["chunks"][0]["first_seq"], "last_seq": manifest["chunks"][-1]["last_seq"]}
        return manifest
    return changed


WAYS: dict[str, tuple[Forge, str]] = {
    "a byte of a record": (lambda g: g.files(lines={5: replace(g.entries[4], record=_rewritten_record(g))}), "entries"),
    "a record and its hash": (lambda g: g.files(lines={5: said(g.entries[4], record=_rewritten_record(g))}), "tree"),
    "an envelope": (lambda g: g.files(lines={5: said(g.entries[4], actor_n=1)}), "tree"),
    "a date": (lambda g: g.files(lines={5: said(g.entries[4], recorded_at=json.loads(g.entries[5].envelope)["recorded_at"])}), "tree"),
    "an envelope that is none": (lambda g: g.files(lines={5: replace(g.entries[4], envelope=b'{"v":1}')}), "entries"),
    "an entry of another log": (lambda g: g.files(lines={5: said(g.entries[4], org=g.people[0])}), "entries"),
    "an entry deleted": (lambda g: g.files(drop=(5,)), "entries"),
    "an entry shown as a gap": (lambda g: g.files(hide=(5,)), "complete"),
    "the last entry shown as a gap": (lambda g: g.files(hide=(g.count,)), "complete"),
    "the first entry shown as a gap": (lambda g: g.files(hide=(1,)), "complete"),
    "an entry of the actor left out": (lambda g: g.files(wanted=of(g, "actor"), hide=(whose(g, "actor")[2],)), "complete"),
    "the actor's first entry left out": (lambda g: g.files(wanted=of(g, "actor"), hide=(whose(g, "actor")[0],)), "complete"),
    "the actor's last entry left out": (lambda g: g.files(wanted=of(g, "actor"), hide=(whose(g, "actor")[-1],)), "complete"),
    "an entry about the person left out": (lambda g: g.files(wanted=of(g, "target"), hide=(whose(g, "target")[1],)), "complete"),
    "the person's last entry left out": (lambda g: g.files(wanted=of(g, "target"), hide=(whose(g, "target")[-1],)), "complete"),
    "all entries about the person left out": (lambda g: g.files(wanted=of(g, "target"), hide=tuple(whose(g, "target"))), "complete"),
    "a part left out before the range's end": (lambda g: g.files(wanted=of(g, "actor"), first=4, last=20, hide=([n for n in whose(g, "actor") if n <= 20][-1],)), "complete"),
    "an entry twice": (lambda g: g.files(order=[1, 2, 3, 3, *range(4, g.count + 1)]), "entries"),
    "an entry added": (lambda g: g.files(wanted=of(g, "actor"), lines={whose(g, "actor")[0]: said(g.entries[whose(g, "actor")[0] - 1], record=_rewritten_record(g))}), "tree"),
    "two entries swapped": (lambda g: g.files(order=[1, 3, 2, *range(4, g.count + 1)]), "entries"),
    "two entries swapped with their numbers": (lambda g: g.files(lines={2: said(g.entries[2], seq=2), 3: said(g.entries[1], seq=3)}), "tree"),
    "an entry that does not fit": (lambda g: g.files(wanted=of(g, "actor"), order=sorted([*whose(g, "actor"), next(n for n in range(1, g.count) if n not in whose(g, "actor"))])), "filter"),
    "a smaller total": (lambda g: g.files(wanted=of(g, "actor"), hide=(whose(g, "actor")[-1],), total=len(whose(g, "actor")) - 1), "totals"),
    "a total of nothing": (lambda g: edited(g.files(wanted=of(g, "target"), hide=tuple(whose(g, "target"))), "proof/totals.json", first(lambda t: {**t, "n": 0, "other": None})), "totals"),
    "a total hidden behind itself": (lambda g: edited(g.files(wanted=of(g, "target"), hide=tuple(whose(g, "target"))), "proof/totals.json", first(_behind_itself)), "totals"),
    "no total": (lambda g: fitted({k: v for k, v in g.files(wanted=of(g, "actor")).items() if k != "proof/totals.json"}), "complete"),
    "the tail cut off": (lambda g: edited(g.files(hide=(g.count,)), "manifest.json", with_(last=g.count - 1, size=g.count - 1)), "checkpoint"),
    "another root": (lambda g: edited(g.files(), "manifest.json", with_(root=sha(b"x").hex())), "checkpoint"),
    "another log's name": (lambda g: edited(g.files(), "manifest.json", with_(log="log.example/log/other")), "checkpoint"),
    "a checkpoint by a stranger": (_stranger, "checkpoint"),
    "a gap's hash": (lambda g: edited(g.files(first=7), "proof/gaps.jsonl.gz", first(lambda gap: [gap[0], gap[1], sha(b"x").hex()])), "tree"),
    "a gap moved": (lambda g: edited(g.files(first=7), "proof/gaps.jsonl.gz", first(lambda gap: [gap[0] + 1, *gap[1:]])), "entries"),
    "a gap too many": (lambda g: edited(g.files(first=7), "proof/gaps.jsonl.gz", lambda rows: [*rows, [g.count, 0, sha(b"x").hex()]]), "entries"),
    "content the manifest does not name": (lambda g: edited(g.files(), "manifest.json", lambda m: m | {"chunks": first(with_(content_sha256=sha(b"x").hex()))(m["chunks"])}), "entries"),
    "fewer entries than counted": (lambda g: edited(g.files(), "manifest.json", lambda m: m | {"entries": {**m["entries"], "count": 3}}), "manifest"),
    "a promise beyond the filter": (lambda g: edited(g.files(wanted={"matter": "M-1"}), "manifest.json", with_(completeness="range")), "manifest"),
    "a manifest in another spelling": (lambda g: {**g.files(), "manifest.json": json.dumps(json.loads(g.files()["manifest.json"])).encode() + b"\n"}, "manifest"),
    "an opened value": (lambda g: edited(g.files(), "disclosures/disclosures-000001.jsonl.gz", first(with_(value="Somebody Else"))), "disclosures"),
    "an opening at another place": (lambda g: edited(g.files(), "disclosures/disclosures-000001.jsonl.gz", first(with_(path="why.text"))), "disclosures"),
    "an opening of another entry": (lambda g: edited(g.files(), "disclosures/disclosures-000001.jsonl.gz", first(with_(entry=g.entries[1].openings[0]["entry"]))), "disclosures"),
    "an opening of no entry": (lambda g: edited(g.files(), "disclosures/disclosures-000001.jsonl.gz", first(with_(entry=g.people[0]))), "disclosures"),
    "an opening left out": (lambda g: edited(g.files(), "disclosures/disclosures-000001.jsonl.gz", lambda rows: rows[1:]), "disclosures"),
    "an opening too many": (lambda g: edited(g.files(), "disclosures/disclosures-000001.jsonl.gz", lambda rows: [*rows, rows[-1]]), "entries"),
    "another statement": (lambda g: edited(g.files(), "proof/epoch.json", lambda e: e | {"statement": e["statement"].replace('"totals_size":', '"totals_size":1')}), "epoch"),
    "a statement of another size": (lambda g: edited(g.files(), "proof/epoch.json", lambda e: e | {"statement": e["statement"].replace('"size":', '"size":1')}), "epoch"),
    "a statement at another place": (lambda g: edited(g.files(), "proof/epoch.json", with_(index=3)), "epoch"),
    "a root log by a stranger": (lambda g: fitted(g.files() | {"proof/global-checkpoint": Signer().note(_text(g.files()["proof/global-checkpoint"])).encode()}), "epoch"),
    "a checkpoint that is not there": (lambda g: fitted(g.files() | {"proof/checkpoints.jsonl": g.files()["proof/checkpoints.jsonl"].splitlines(True)[0]}), "time"),
    "a checkpoint nobody signed": (lambda g: fitted(g.files() | {"proof/checkpoints.jsonl": g.files()["proof/checkpoints.jsonl"].replace(b64(g.signers[0].number("log.example/root"))[:5].encode(), b"AAAAA")}), "time"),
    "time that runs backwards": (lambda g: altered(g, 6, said(g.entries[5], recorded_at="2026-10-01T00:00:00.000000Z")).files(), "time"),
    "checkpoints that run backwards": (lambda g: altered(g, g.count, said(g.entries[-1], prev_checkpoint=json.loads(g.entries[0].envelope)["prev_checkpoint"])).files(), "time"),
    "a checkpoint forgotten": (lambda g: altered(g, g.count, said(g.entries[-1], prev_checkpoint=None)).files(), "time"),
    "no continuation": (lambda g: edited(g.files(previous=9), "proof/consistency.json", with_(root=sha(b"x").hex())), "consistency"),
    "a removed range with another root": (lambda g: edited(g.files(pruned=((1, 7),)), "proof/pruned.json", first(with_(root=sha(b"x").hex()))), "pruned"),
    "a removed range that is there": (lambda g: edited(g.files(pruned=((3, 9),)), "proof/pruned.json", lambda rows: [*rows, {**rows[0], "first": 11, "last": 11, "count": 1}]), "pruned"),
    "a removed range that is not said": (lambda g: fitted({k: v for k, v in g.files(pruned=((3, 9),)).items() if k != "proof/pruned.json"}), "complete"),
    "a hole in the row that no removed range covers": (lambda g: g.files(wanted=of(g, "actor"), pruned=((whose(g, "actor")[3], whose(g, "actor")[3]),), hide=(whose(g, "actor")[5],)), "complete"),
    "a key that nobody endorsed": (lambda g: (lambda new: fitted(Synthetic(g.count, g.seed, [new, *g.signers]).files() | {"keys.json": edited({"k": keys_json([new, *g.signers]), "manifest.json": b"{}"}, "k",
        lambda v: {"keys": first(with_(endorsed_by=None))(v["keys"])})["k"]}))(Signer()), "keys"),
    "a key of receipts that nobody endorsed": (_a_receipt_key, "keys"),
    "a range beyond the tree": (lambda g: edited(g.files(wanted={"matter": "M-1"}), "manifest.json", with_(last=g.count + 5)), "manifest"),
    "a part that the manifest does not name": (lambda g: g.files() | {"events/events-000009.jsonl.gz": gzip.compress(g.entries[0].line, mtime=0)}, "manifest"),
    "a part with another hash": (lambda g: edited(g.files(), "manifest.json", lambda m: m | {"chunks": first(with_(sha256=sha(b"x").hex()))(m["chunks"])}), "manifest"),
    "a part that begins elsewhere": (lambda g: edited(g.files(wanted={"matter": "M-2"}), "manifest.json", _parts(lambda m: m["chunks"][0].update(first_seq=1))), "entries"),
    "a part that ends elsewhere": (lambda g: edited(g.files(wanted={"matter": "M-1"}), "manifest.json", _parts(lambda m: m["chunks"][-1].update(last_seq=g.count))), "entries"),
    "an entry before the range": (lambda g: edited(g.files(wanted={"matter": "M-2"}), "manifest.json", with_(first=5)), "entries"),
    "an entry after the range": (lambda g: edited(g.files(wanted={"matter": "M-2"}), "manifest.json", with_(last=g.count - 3)), "entries"),
    "an entry of an earlier day": (lambda g: edited(g.files(), "manifest.json", with_(dates={"since": "2026-11-02", "until": None})), "filter"),
    "an entry of a later day": (lambda g: edited(g.files(), "manifest.json", with_(dates={"since": None, "until": "2026-10-31"})), "filter"),
    "an entry of another outcome": (lambda g: _with(g, {"outcomes": ["denied"]}, lambda _r: True), "filter"),
    "an entry of another matter": (lambda g: _with(g, {"matter": "M-1"}, lambda _r: True), "filter"),
    "an entry about another kind of thing with the same id": (lambda g: _with(g, {"target": {"type": "membership", "id": g.people[0]}}, lambda r: r["targets"][0]["id"] == g.people[0]), "filter"),
    "numbers given twice": (_renumbered, "complete"),
    "numbers that leave one out": (_with_a_gap, "complete"),
    "an entry of the boundary inside the range": (lambda g: edited(g.files(wanted={"matter": "M-1"}, first=5, last=18), "manifest.json", with_(first=1)), "entries"),
    "a record of the boundary": (lambda g: (lambda n: g.files(wanted=of(g, "actor"), first=3, last=n - 1, lines={n: replace(g.entries[n - 1], record=_rewritten_record(g))}))(whose(g, "actor")[-1]), "entries"),
    "a removed range counted twice": (lambda g: edited(g.files(pruned=((3, 9),), hide=(12,)), "proof/pruned.json", lambda rows: [*rows, {**rows[0], "first": 9, "last": 9, "count": 1, "root": g.entries[8].leaf.hex()}]), "pruned"),
    "a removed range that counts more than it names": (lambda g: edited(g.files(pruned=((3, 9),)), "proof/pruned.json", first(with_(count=8))), "pruned"),
    "a signature that is wrong": (lambda g: fitted(g.files() | {"proof/checkpoint": spoiled(g.files()["proof/checkpoint"])}), "checkpoint"),
    "a signature of the root log that is wrong": (lambda g: fitted(g.files() | {"proof/global-checkpoint": spoiled(g.files()["proof/global-checkpoint"])}), "epoch"),
    "a statement of an older state": (lambda g: fitted(g.files() | {name: g.files(size=13)[name] for name in ("proof/epoch.json", "proof/global-checkpoint")}), "epoch"),
    "a statement in a root log of another size": (lambda g: edited(g.files(), "proof/epoch.json", with_(size=6)), "epoch"),
    "the log for the root log": (lambda g: fitted(g.files() | {"proof/global-checkpoint": g.signers[0].note(_text(g.files()["proof/global-checkpoint"]).replace(ROOT_ORIGIN, ORIGIN)).encode()}), "epoch"),
    "a checkpoint of another root log": (lambda g: _beside(g.files(), "proof/checkpoints.jsonl", g.signers[0].note(f"{ORIGIN}\n2\n{b64(sha(b'2'))}\n")), "time"),
    "a checkpoint of a longer root log": (lambda g: _beside(g.files(), "proof/checkpoints.jsonl", g.signers[0].note(f"{ROOT_ORIGIN}\n99\n{b64(sha(b'99'))}\n")), "time"),
    "two root logs of one size": (lambda g: _beside(g.files(), "proof/checkpoints.jsonl", g.signers[0].note(f"{ROOT_ORIGIN}\n2\n{b64(sha(b'x'))}\n")), "time"),
    "a short salt": (_short_salt, "disclosures"),
    "a time stamp of something else": (lambda g: g.files() | {"timestamp.tsr": b"0\x82" + sha(b"another manifest")}, "timestamp"),
}
