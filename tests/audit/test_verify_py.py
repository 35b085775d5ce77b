"""verify.py, against bundles that were made without the exporter: honest ones pass, every forgery is named, nothing crashes it."""
from __future__ import annotations

import ast
import gzip
import json
import os
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.export import verify
from tests.audit import forgeries
from tests.audit.bundles import VERIFIERS, WITNESS, Files, Signer, Synthetic, jcs, keys_json, mth, path, save, sha, subproof

LOG = Synthetic(24)
PERSON = {"target": {"type": "person", "id": LOG.people[1]}}
HONEST = {
    "everything": {}, "a range": {"first": 7, "last": 19}, "the first only": {"last": 1}, "an older state": {"size": 13},
    "an actor": {"wanted": {"actor": LOG.actors[0]}}, "an actor in a range": {"wanted": {"actor": LOG.actors[1]}, "first": 5, "last": 18},
    "a person": {"wanted": PERSON}, "a person in a range": {"wanted": PERSON, "first": 5, "last": 12}, "a membership": {"wanted": {"target": {"type": "membership", "id": LOG.people[0]}}},
    "somebody unknown": {"wanted": {"target": {"type": "person", "id": LOG.org}}}, "a matter": {"wanted": {"matter": "M-2"}}, "outcomes": {"wanted": {"outcomes": ["denied", "failure"]}},
    "actor and outcome": {"wanted": {"actor": LOG.actors[0], "outcomes": ["success"]}}, "nothing opened": {"disclose": False}, "removed": {"pruned": ((3, 9), (20, 20))},
    "removed of an actor": {"wanted": {"actor": LOG.actors[0]}, "pruned": ((3, 9), (20, 20))}, "continued": {"previous": 11}, "stamped": {"stamp": True},
}


def found(folder: Path, **options: object) -> list[tuple[str, str, str]]:
    return list(verify.verify(str(folder), **options).lines())


def failed(folder: Path, **options: object) -> set[str]:
    return {name for mark, name, _text in found(folder, **options) if mark == "FAIL"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", str(VERIFIERS / "verify.py"), str(folder), *arguments], capture_output=True, text=True, check=False, env={"PYTHONUTF8": "1"})


def measured(folder: Path) -> subprocess.CompletedProcess[str]:
    """A run that ends with the most memory it held, in MB."""
    program = ("import re,runpy,sys;status=runpy.run_path(sys.argv[1])['main']([sys.argv[2]]);"
               "print('peak',int(re.search('VmHWM:\\\\s+([0-9]+)',open('/proc/self/status').read()).group(1))//1024);sys.exit(status)")
    return subprocess.run([sys.executable, "-I", "-c", program, str(VERIFIERS / "verify.py"), str(folder)], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", HONEST)
def test_honest_bundles_pass(name: str, tmp_path: Path) -> None:
    lines = found(LOG.save(tmp_path, **HONEST[name]))
    assert [line for line in lines if line[0] == "FAIL"] == []
    assert [name for name in verify.CHECKS if name not in {of for _mark, of, _text in lines}] == []


@pytest.mark.parametrize("way", forgeries.WAYS)
def test_every_forgery_is_found_by_its_check(way: str, tmp_path: Path) -> None:
    forge, check = forgeries.WAYS[way]
    assert check in failed(save(tmp_path, LOG.seal(forge(LOG))))


def test_rotated_keys(tmp_path: Path) -> None:
    old, new = Signer(), Signer(since="2026-06-01T00:00:00.000000Z")
    folder = Synthetic(6, signers=[new, old]).save(tmp_path)
    assert failed(folder) == set()
    for known in (old, new):
        assert failed(folder, keys=[verify.Key(known.vkey())]) == set()
    assert failed(folder, keys=[verify.Key(Signer().vkey())]) >= {"keys", "signature", "checkpoint", "epoch"}


def test_a_key_known_from_elsewhere_is_not_led_backwards(tmp_path: Path) -> None:
    """Whoever stole the old key cannot pass when the newer one is asked for."""
    old, new = Signer(), Signer()
    log = Synthetic(6, signers=[new, old])
    save(tmp_path, log.seal(log.files(), old))
    assert failed(tmp_path) == set()
    assert failed(tmp_path, keys=[verify.Key(new.vkey())]) == {"signature"}


def test_a_key_that_was_lost_is_said_and_leads_nowhere(tmp_path: Path) -> None:
    """What stands for a lost key is endorsed by nobody: a note for whoever knows no key, and no way from the old key to it."""
    new, middle, old = Signer(), Signer(), Signer()
    log = Synthetic(6, signers=[new, middle, old])

    def told(lost: bytes) -> Path:
        return save(tmp_path, log.seal(forgeries.fitted(log.files() | {"keys.json": lost})))

    for lost in (1, 2):
        told(keys_json(log.signers, lost=lost))
        assert failed(tmp_path) == set()
        assert len([text for mark, name, text in found(tmp_path) if (mark, name) == ("note", "keys") and "endorsed by nobody" in text]) == 1
        assert failed(tmp_path, keys=[verify.Key(new.vkey())]) == set()
        assert failed(tmp_path, keys=[verify.Key(old.vkey())]) >= {"signature", "checkpoint", "epoch"}
        assert (failed(tmp_path, keys=[verify.Key(middle.vkey())]) == set()) == (lost == 2)
    for other in (old.vkey(), new.vkey(), "", None):  # it has to name the key before it
        told(jcs({"keys": [item | ({"endorsed_by": {"lost": other}} if n == 0 else {}) for n, item in enumerate(json.loads(keys_json(log.signers))["keys"])]}) + b"\n")
        assert "keys" in failed(tmp_path), other


def test_keys_that_lead_nowhere_are_not_followed(tmp_path: Path) -> None:
    """With the old key in hand, what an unendorsed newer one signed is not believed; with the new one, nothing that the old one signed."""
    new, old = Signer(), Signer()
    log = Synthetic(6, signers=[new, old])
    bare = jcs({"keys": [item | {"endorsed_by": None} for item in json.loads(keys_json(log.signers))["keys"]]}) + b"\n"
    save(tmp_path, log.seal(forgeries.fitted(log.files() | {"keys.json": bare})))
    assert failed(tmp_path, keys=[verify.Key(old.vkey())]) >= {"keys", "signature", "checkpoint", "epoch"}
    files = log.files()
    for name, check in (("proof/checkpoint", "checkpoint"), ("proof/global-checkpoint", "epoch")):
        note = old.note(files[name].decode().rpartition("\n\n")[0] + "\n").encode()
        save(tmp_path, log.seal(forgeries.fitted(files | {name: note})))
        assert failed(tmp_path) == set()
        assert check in failed(tmp_path, keys=[verify.Key(new.vkey())])


def test_a_tree_that_nobody_signed_is_no_tree(tmp_path: Path) -> None:
    forge, _check = forgeries.WAYS["a checkpoint by a stranger"]
    assert failed(save(tmp_path, LOG.seal(forge(LOG)))) == {"checkpoint", "tree"}


def test_an_entry_that_speaks_of_another_does_not_take_its_openings(tmp_path: Path) -> None:
    log = Synthetic(24)
    entry, other = log.entries[4], json.loads(log.entries[5].record)["event_id"]
    log.entries[4] = forgeries.said(entry, record=jcs(json.loads(entry.record) | {"facts": {"event_id": other}}))
    log.entries[4].openings.clear()
    assert failed(log.save(tmp_path)) == set()


def test_every_place_in_every_small_tree() -> None:
    """Inclusion and consistency of RFC 9162, for all sizes up to 33, against the definitions; and nothing beside them."""
    leaves = [sha(b"\0" + str(n).encode()) for n in range(33)]
    for size in range(1, 34):
        root = mth(leaves[:size])
        for place in range(size):
            proof = path(place, leaves[:size])
            assert verify.included(place, size, leaves[place], proof, root)
            assert not verify.included(place, size, leaves[place], [*proof, root], root) and not (proof and verify.included(place, size, leaves[place], proof[:-1], root))
            assert not verify.included(size, size, leaves[place], proof, root) and not verify.included(place, size, leaves[place], proof, leaves[0] if size > 1 else leaves[1])
        for small in range(1, size + 1):
            proof = subproof(small, leaves[:size])
            assert verify.consistent(small, size, mth(leaves[:small]), root, proof)
            assert not verify.consistent(small, size, sha(b"x"), root, proof) and not verify.consistent(small, size, mth(leaves[:small]), sha(b"x"), proof)
            assert not verify.consistent(small, size, mth(leaves[:small]), root, [*proof, root])


def test_another_key_of_the_same_name(tmp_path: Path) -> None:
    """All of it made anew with another key: sound in itself, so only what is known from elsewhere tells."""
    Synthetic(24).save(tmp_path)
    assert failed(tmp_path) == set()
    assert "The keys come from this bundle itself" in " ".join(text for _m, name, text in found(tmp_path) if name == "keys")
    assert {"keys", "signature"} <= failed(tmp_path, keys=[verify.Key(LOG.signers[0].vkey())])


def test_a_list_of_files_that_a_stranger_signed(tmp_path: Path) -> None:
    assert failed(save(tmp_path, LOG.seal(LOG.files(), Signer()))) == {"signature"}


def test_witnesses(tmp_path: Path) -> None:
    witness = Signer()
    seen, unseen = LOG.save(tmp_path / "seen", witness=witness), LOG.save(tmp_path / "unseen")
    policy = verify.Policy(f"# mine\nlog {LOG.signers[0].vkey()}\nwitness w1 {witness.vkey(WITNESS, 4)} https://witness.example\nwitness w2 {Signer().vkey('w2', 4)}\ngroup any-of any w1 w2\nquorum any-of\n")
    strict = verify.Policy(f"witness w1 {witness.vkey(WITNESS, 4)}\nwitness w2 {Signer().vkey('w2', 4)}\ngroup both all w1 w2\nquorum both\n")
    assert "Signed by the witnesses w1" in found(seen)[-2][2]
    assert failed(seen, policy=policy) == set()
    assert failed(unseen, policy=policy) == {"witnesses"}
    name = "proof/global-checkpoint"
    false = LOG.files()[name].decode() + witness.cosign("log.example/root\n5\nsomething else\n", name=WITNESS, at=1_764_000_000)
    assert failed(save(tmp_path / "false", LOG.seal(forgeries.fitted(LOG.files() | {name: false.encode()}))), policy=policy) == {"witnesses"}
    assert failed(seen, policy=strict) == {"witnesses"}


@pytest.mark.parametrize("policy", ["", "quorum x\n", "quorum none\nquorum none\n", "log x\n", "witness none x\nquorum none\n", "group g 2 a\nquorum g\n", "hello\n"])
def test_policies_that_are_none(policy: str) -> None:
    with pytest.raises((verify.Fail, ValueError)):
        verify.Policy(policy)


def test_with_an_earlier_export_in_hand(tmp_path: Path) -> None:
    earlier = LOG.save(tmp_path / "earlier", size=11)
    assert failed(LOG.save(tmp_path / "later", previous=11), previous=str(earlier)) == set()
    assert failed(LOG.save(tmp_path / "same", size=11), previous=str(earlier)) == set()
    assert failed(LOG.save(tmp_path / "unproven"), previous=str(earlier)) == {"consistency"}
    assert failed(LOG.save(tmp_path / "other-start", previous=12), previous=str(earlier)) == {"consistency"}
    assert failed(LOG.save(tmp_path / "truncated", size=9), previous=str(earlier)) == {"consistency"}
    rewritten = Synthetic(24, signers=LOG.signers)
    rewritten.entries[4] = forgeries.said(rewritten.entries[4], record=rewritten.entries[4].record.replace(b'"user"', b'"job"'))
    assert failed(rewritten.save(tmp_path / "rewritten", previous=11)) == set()  # in itself it is sound: the key was stolen
    assert failed(tmp_path / "rewritten", previous=str(earlier)) == {"consistency"}
    assert failed(rewritten.save(tmp_path / "rewritten-same", size=11), previous=str(earlier)) == {"consistency"}


def test_files_changed_added_and_removed(tmp_path: Path) -> None:
    folder = LOG.save(tmp_path)
    (folder / "more").write_bytes(b"x")
    (folder / "events" / ".hidden").write_bytes(b"x")
    (folder / "policy").unlink()
    (folder / "CERTIFICATE.md").write_bytes(b"changed")
    assert [text for mark, name, text in found(folder) if (mark, name) == ("FAIL", "sums")] == [
        "'events/.hidden' is there and is not listed.", "'more' is there and is not listed.", "policy is listed and is missing.", "CERTIFICATE.md is not what was sealed: its hash differs."]


def _flipped(files: Files, name: str, bit: int) -> Files:
    data = bytearray(files[name])
    data[bit // 8] ^= 1 << bit % 8
    return files | {name: bytes(data)}


def test_every_bit_of_a_tiny_bundle(tmp_path: Path) -> None:
    """One bit of each byte of every file, and every bit of the signatures: each change is found. The long verifier is sampled."""
    log = Synthetic(2, checkpoints=False)
    files = log.seal(log.files(disclose=False))
    folder = save(tmp_path, files)
    assert failed(folder) == set()
    chance = random.Random(7)
    for name, data in files.items():
        places = range(len(data) * 8) if name == "SHA256SUMS.sig" else (8 * at + chance.randrange(8) for at in (range(0, len(data), 97) if name == "verify.py" else range(len(data))))
        for bit in places:
            changed = _flipped(files, name, bit)[name]
            (folder / name).write_bytes(changed)
            assert _broken_quickly(folder), (name, bit)
        (folder / name).write_bytes(data)


def _broken_quickly(folder: Path) -> bool:
    """The first two checks alone: what they let pass would be looked at by nobody else."""
    verifier = verify.Verifier(str(folder))
    for name, check in (("sums", verifier.check_sums), ("keys", verifier.check_keys)):
        verifier.report.run(name, check)
        if verifier.report.failed(name):
            return True
    verifier.report.run("signature", verifier.check_signature)
    return verifier.report.failed("signature")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Files]:
    files = LOG.seal(LOG.files(wanted={"actor": LOG.actors[0]}, first=3, last=20, previous=9, stamp=True, witness=Signer()))
    return save(tmp_path_factory.mktemp("whole"), files), files


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_bit_of_any_file(whole: tuple[Path, Files], data: st.DataObject) -> None:
    folder, files = whole
    name = data.draw(st.sampled_from(sorted(files)))
    changed = _flipped(files, name, data.draw(st.integers(0, len(files[name]) * 8 - 1)))
    (folder / name).write_bytes(changed[name])
    try:
        assert failed(folder) & {"sums", "signature"}
    finally:
        (folder / name).write_bytes(files[name])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_bit_of_the_evidence_by_whoever_has_the_key(whole: tuple[Path, Files], data: st.DataObject) -> None:
    """Sealed anew with hashes that fit: the tree, the hashes and the openings tell all the same."""
    folder, files = whole
    name = data.draw(st.sampled_from([n for n in sorted(files) if n.startswith("events/") or n in {"proof/gaps.jsonl.gz", "proof/boundary.jsonl", "disclosures/disclosures-000001.jsonl.gz", "proof/totals.json"}]))
    content = bytearray(gzip.decompress(files[name]) if name.endswith(".gz") else files[name])
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    packed = gzip.compress(bytes(content), mtime=0) if name.endswith(".gz") else bytes(content)
    forged = forgeries.fitted({k: v for k, v in files.items() if not k.startswith("SHA256SUMS")} | {name: packed})
    manifest = json.loads(forged["manifest.json"])
    for chunk in manifest["chunks"]:
        if chunk["file"] == name:
            chunk |= {"sha256": sha(packed).hex(), "content_sha256": sha(bytes(content)).hex()}
    forged["manifest.json"] = jcs(manifest) + b"\n"
    forged["timestamp.tsr"] = sha(forged["manifest.json"])
    sealed = LOG.seal(forged)
    changed = [n for n in sealed if sealed[n] != files.get(n)]
    try:
        save(folder, {n: sealed[n] for n in changed})
        assert failed(folder), (name, bit)
    finally:
        save(folder, {n: files[n] for n in changed})


HOSTILE = [b"", b"\n", b"null", b"[]", b"{}", b"[[[[", b"[" * 100_000, b'"x"', b"1e999", b'{"v":1}', b"\xff\xfe", b"9" * 5000, b'{"keys":[{}]}', b'[{"first":1}]', b'{"a":1,"a":2}', b"\x1f\x8b\x08"]


@pytest.mark.parametrize("name", sorted(n for n in LOG.seal(LOG.files(wanted={"actor": LOG.actors[0]}, first=3, previous=9, pruned=((5, 5),))) if n not in {"verify.py", "CERTIFICATE.md", "custody.jsonl"}))
def test_nonsense_in_any_file_is_a_finding_and_no_crash(name: str, tmp_path: Path) -> None:
    files = LOG.files(wanted={"actor": LOG.actors[0]}, first=3, previous=9, pruned=((5, 5),))
    for number, nonsense in enumerate(HOSTILE):
        for packed in {nonsense, gzip.compress(nonsense)} if name.endswith(".gz") else {nonsense}:
            forged = LOG.seal(files | {name: packed}) | ({name: packed} if name.startswith("SHA256SUMS") else {})
            folder = save(tmp_path / f"{number}-{len(packed)}", forged)
            status = verify.verdict(verify.verify(str(folder)))[0]
            assert status == (0 if name == "policy" and nonsense == b"never" else 1), (name, nonsense[:20])


def _values(value: object) -> list[object]:
    return [None, -1, 0, 2**52, "", "x", [], {}, [None], True, [[]], "../../etc/passwd"]


@pytest.mark.parametrize("field", sorted(json.loads(LOG.files()["manifest.json"])))
def test_nonsense_in_the_manifest(field: str, tmp_path: Path) -> None:
    """Whatever stands in a field of the manifest: an answer in words, never an exception."""
    files = LOG.files(wanted={"actor": LOG.actors[0]}, first=3)
    manifest = json.loads(files["manifest.json"])
    for number, value in enumerate(_values(manifest[field])):
        folder = save(tmp_path / str(number), LOG.seal(files | {"manifest.json": jcs(manifest | {field: value}) + b"\n"}))
        assert verify.verdict(verify.verify(str(folder)))[0] in {0, 1}


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "events/../../x", "a//b", "events\\x", ".hidden", "a/b/c/d", "nul\x00", "x\ny", "-rf"])
def test_names_that_lead_elsewhere(name: str, tmp_path: Path) -> None:
    folder = LOG.save(tmp_path / "in" / "bundle")
    (tmp_path / "in" / "outside").write_bytes(b"secret")
    sums = (folder / "SHA256SUMS").read_bytes() + f"{sha(b'secret').hex()}  {name}\n".encode()
    save(folder, {"SHA256SUMS": sums, "SHA256SUMS.sig": LOG.signers[0].key.sign(sums)})
    assert "sums" in failed(folder)
    with pytest.raises(verify.Fail):
        verify.Folder(str(folder)).open(name)


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder = LOG.save(tmp_path / "bundle")
    (tmp_path / "elsewhere").write_bytes((folder / "policy").read_bytes())
    (folder / "policy").unlink()
    os.symlink(tmp_path / "elsewhere", folder / "policy")
    assert "sums" in failed(folder)
    (folder / "policy").unlink()
    os.mkfifo(folder / "policy")
    assert "sums" in failed(folder)


def _packed_lines(count: int) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    line = LOG.entries[0].line
    return b"".join([*(engine.compress(line * 1000) for _ in range(count)), engine.flush()])


def test_a_bomb_ends_at_what_the_manifest_counts(tmp_path: Path) -> None:
    """A gigabyte in a megabyte: zeros end at the longest line, lines at the counted number, and memory stays small."""
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"".join([*(engine.compress(bytes(1 << 20)) for _ in range(1024)), engine.flush()])
    for number, (name, bomb) in enumerate([("events/events-000001.jsonl.gz", zeros), ("proof/gaps.jsonl.gz", zeros), ("disclosures/disclosures-000001.jsonl.gz", zeros), ("events/events-000001.jsonl.gz", _packed_lines(1000))]):
        files = LOG.files(first=3) | {name: bomb}
        manifest = json.loads(files["manifest.json"])
        manifest["chunks"][0]["sha256"] = sha(files["events/events-000001.jsonl.gz"]).hex()
        folder = save(tmp_path / str(number), LOG.seal(forgeries.fitted(files | {"manifest.json": jcs(manifest) + b"\n"})))
        done = measured(folder)
        assert done.returncode == 1, done.stderr
        assert int(done.stdout.rsplit("peak ", 1)[1]) < 50


def test_gzip_that_goes_on_or_ends_early(tmp_path: Path) -> None:
    name = "events/events-000001.jsonl.gz"
    data = LOG.files()[name]
    for number, changed in enumerate([data + data, data + b"\0", data[:-3], data[:20]]):
        files = LOG.files() | {name: changed}
        manifest = json.loads(files["manifest.json"])
        manifest["chunks"][0]["sha256"] = sha(changed).hex()
        assert "entries" in failed(save(tmp_path / str(number), LOG.seal(files | {"manifest.json": jcs(manifest) + b"\n"})))


def test_the_command(tmp_path: Path) -> None:
    folder = LOG.save(tmp_path / "good")
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "verdict: Every check holds."
    assert all(line.startswith(("ok    ", "note  ")) for line in lines[:-2])
    assert [name for name in verify.CHECKS if not any(line[6:].startswith(f"{name}: ") for line in lines)] == []
    assert run(folder, "--key", LOG.signers[0].vkey()).returncode == 0
    assert run(folder, "--key", Signer().vkey()).returncode == 1
    assert run(folder, "--key", "nonsense").returncode == 2
    assert run(folder, "--policy", str(tmp_path / "none")).returncode == 2
    (tmp_path / "policy").write_text(f"log {LOG.signers[0].vkey()}\nquorum none\n")
    assert run(folder, "--policy", str(tmp_path / "policy")).returncode == 0
    (folder / "CERTIFICATE.md").write_text("changed")
    done = run(folder)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "verdict: One check failed. Do not rely on this bundle.")
    for other in (tmp_path / "nothing", tmp_path):
        done = run(other)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_it_runs_from_inside_the_bundle_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = LOG.save(tmp_path)
    before = sorted(p.name for p in folder.rglob("*"))
    done = subprocess.run([sys.executable, "verify.py"], cwd=folder, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in folder.rglob("*")) == before


def test_it_needs_nothing_but_an_old_python() -> None:
    tree = ast.parse((VERIFIERS / "verify.py").read_text(), feature_version=(3, 9))
    names = {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names} | {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= {*sys.stdlib_module_names, "__future__"}
    assert not names & {"socket", "urllib", "http", "ssl", "subprocess", "ctypes"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "strict"]  # zip(strict=) came with 3.10


def test_stock_openssl_verifies_the_signature(tmp_path: Path) -> None:
    folder = LOG.save(tmp_path / "bundle")
    (tmp_path / "key.pem").write_text(json.loads((folder / "keys.json").read_text())["keys"][0]["pem"])
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(tmp_path / "key.pem"), "-in", str(folder / "SHA256SUMS"), "-sigfile", str(folder / "SHA256SUMS.sig")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (folder / "SHA256SUMS").write_bytes((folder / "SHA256SUMS").read_bytes().replace(b"a", b"b", 1))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_ed25519_agrees_with_another_implementation() -> None:
    chance = random.Random(3)
    for _ in range(40):
        key, message = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)), chance.randbytes(chance.randrange(200))
        public, signature = key.public_key().public_bytes_raw(), key.sign(message)
        assert verify.ed25519(public, message, signature)
        for place in range(64):
            bad = bytearray(signature)
            bad[place] ^= 1 << chance.randrange(8)
            assert not verify.ed25519(public, message, bytes(bad))
        assert not verify.ed25519(public, message + b"x", signature)
        with pytest.raises(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message + b"x")


def test_ed25519_of_the_specification() -> None:
    """RFC 8032, section 7.1: the third test, and what has two spellings."""
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")
    assert verify.ed25519(public, b"\xaf\x82", signature)
    s = int.from_bytes(signature[32:], "little") + verify.ORDER
    assert not verify.ed25519(public, b"\xaf\x82", signature[:32] + s.to_bytes(32, "little"))
    assert [n for n in range(19) if verify.point_decode((verify.P + n).to_bytes(32, "little"))] == []
    for odd in ((verify.P + 1).to_bytes(32, "little"), (1).to_bytes(32, "little"), bytes(32), (1 | 1 << 255).to_bytes(32, "little"), (verify.P - 1).to_bytes(32, "little")):
        assert not verify.ed25519(odd, b"", odd + bytes(32))  # keys of small order, and ones that are not written in the one way


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 1023, 1024, 1025, 3000])
def test_the_fold_is_the_tree(size: int) -> None:
    from pymerkle import InmemoryTree

    data = [str(n).encode() for n in range(size)]
    other = InmemoryTree(algorithm="sha256")
    for item in data:
        other.append_entry(item)
    leaves, at, fold = [verify.leaf_of(item) for item in data], 0, verify.Fold()
    chance = random.Random(size)
    while at < size:
        step = chance.choice([1, 5, 700, 2048])
        fold.extend(leaves[at:at + step])
        at += step
    assert fold.root() == other.get_state()


def test_memory_is_flat(tmp_path: Path) -> None:
    """Twenty times the entries cost no more memory."""
    peaks = []
    for count in (500, 10_000):
        log = Synthetic(count)
        folder = log.save(tmp_path / str(count), per_file=5000)
        done = measured(folder)
        assert done.returncode == 0, done.stdout
        peaks.append(int(done.stdout.rsplit("peak ", 1)[1]))
    assert peaks[1] < peaks[0] + 8
