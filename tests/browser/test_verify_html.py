"""verify.html, opened from disk in Chromium: the same findings in the same words as verify.py, and nothing leaves the machine."""
from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from audit.export import verify
from tests.audit import forgeries
from tests.audit.bundles import VERIFIERS, WITNESS, Signer, Synthetic, jcs, keys_json, mth, path, save, sha, subproof
from tests.audit.test_verify_py import HONEST, LOG
from tests.browser.axe import violations

PAGE = (VERIFIERS / "verify.html").as_uri()


class Sheet:
    """The page, and everything it asked for."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(PAGE)

    def check(self, folder: Path, wait: float = 30_000) -> list[str]:
        """Choose this folder. Returns the report as text, line by line."""
        self.page.evaluate("document.getElementById('folder').value = ''")
        self.page.locator("#folder").set_input_files(folder)
        self.page.locator("#verdict.ok, #verdict.bad").wait_for(timeout=wait)
        self.page.locator("#busy").wait_for(state="hidden")
        return (self.page.locator("#text").text_content() or "").split("\n")

    def verdict(self) -> str:
        return self.page.locator("#verdict").inner_text()


@pytest.fixture
def sheet(browser: Browser) -> Iterator[Sheet]:
    found = Sheet(browser)
    yield found
    found.context.close()
    assert found.complaints == []
    assert [url for url in found.asked if not url.startswith(("file:", "data:"))] == []


def by_python(folder: Path, **options: object) -> list[str]:
    report = verify.verify(str(folder), **options)
    return [*(f"{mark:<4}  {name}: {text}" for mark, name, text in report.lines()), "", f"verdict: {verify.verdict(report)[1]}"]


def test_honest_bundles_pass_in_the_same_words(sheet: Sheet, tmp_path: Path) -> None:
    for number, (name, options) in enumerate(HONEST.items()):
        folder = LOG.save(tmp_path / str(number), **options, witness=Signer())
        assert sheet.check(folder) == by_python(folder), name
        assert sheet.verdict() == "Every check holds."
    rotated = Synthetic(6, signers=[Signer(), Signer(), Signer()]).save(tmp_path / "rotated")
    assert sheet.check(rotated) == by_python(rotated)


def test_every_forgery_is_found_in_the_same_words(sheet: Sheet, tmp_path: Path) -> None:
    for number, (way, (forge, check)) in enumerate(forgeries.WAYS.items()):
        folder = save(tmp_path / str(number), LOG.seal(forge(LOG)))
        lines = sheet.check(folder)
        assert lines == by_python(folder), way
        assert any(line.startswith(f"FAIL  {check}: ") for line in lines), way
        assert "Do not rely on this bundle." in sheet.verdict()


def test_files_changed_added_and_removed(sheet: Sheet, tmp_path: Path) -> None:
    folder = LOG.save(tmp_path / "bundle")
    (folder / "CERTIFICATE.md").write_bytes(b"changed")
    (folder / "policy").unlink()
    (folder / "more").write_bytes(b"x")
    (folder / "events" / ".hidden").write_bytes(b"x")
    assert sheet.check(folder) == by_python(folder)
    assert sheet.page.locator("#check-sums li.FAIL").count() == 4
    save(folder, LOG.seal(LOG.files(), Signer()))
    assert sheet.check(folder) == by_python(folder)


def test_nonsense_is_a_finding(sheet: Sheet, tmp_path: Path) -> None:
    files = LOG.files(wanted={"actor": LOG.actors[0]}, first=3, previous=9, pruned=((5, 5),))
    for number, name in enumerate(n for n in files if n not in {"verify.py", "CERTIFICATE.md", "custody.jsonl", "policy"}):
        for nonsense in (b"", b"null\n", b"[[[[", b'{"keys":[{}]}\n', b"\x1f\x8b\x08" + bytes(40)):
            folder = save(tmp_path / f"{number}-{len(nonsense)}", LOG.seal(files | {name: nonsense}))
            assert sheet.check(folder)[-1].endswith("Do not rely on this bundle."), (name, nonsense)


def test_every_place_in_every_small_tree(sheet: Sheet) -> None:
    """The same proofs as in verify.py, with the page's own functions."""
    leaves = [sha(b"\0" + str(n).encode()) for n in range(20)]
    inclusions = [[place, size, leaves[place].hex(), [h.hex() for h in path(place, leaves[:size])], mth(leaves[:size]).hex()] for size in range(1, 21) for place in range(size)]
    consistencies = [[small, size, mth(leaves[:small]).hex(), mth(leaves[:size]).hex(), [h.hex() for h in subproof(small, leaves[:size])]] for size in range(1, 21) for small in range(1, size + 1)]
    wrong = sheet.page.evaluate("""([inclusions, consistencies]) => {
      const x = new Uint8Array(32), wrong = [];
      for (const [place, size, leaf, proof, root] of inclusions) {
        const given = [place, size, unhex(leaf), proof.map(unhex), unhex(root)];
        if (!included(...given) || included(place, size, x, given[3], given[4]) || included(place, size, given[2], [...given[3], x], given[4])) wrong.push(["included", place, size]);
      }
      for (const [small, size, one, two, proof] of consistencies) {
        const steps = proof.map(unhex);
        if (!consistent(small, size, unhex(one), unhex(two), steps) || consistent(small, size, x, unhex(two), steps) || consistent(small, size, unhex(one), x, steps)
            || consistent(small, size, unhex(one), unhex(two), [...steps, x])) wrong.push(["consistent", small, size]);
      }
      return wrong;
    }""", [inclusions, consistencies])
    assert wrong == []


def test_hashes_of_every_length(sheet: Sheet) -> None:
    """SHA-256 in pieces and SHA-512, around every border of their blocks."""
    assert sheet.page.evaluate("""() => [0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 1000].map((n) => {
      const data = Uint8Array.from({ length: n }, (_x, at) => at * 7 & 255), pieces = new Sha256();
      for (let at = 0; at < n; at += 13) pieces.update(data.subarray(at, at + 13));
      return [hex(sha256(data)), hex(pieces.digest()), hex(sha512(data))];
    })""") == [[hashlib.sha256(data).hexdigest()] * 2 + [hashlib.sha512(data).hexdigest()] for n in (0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 1000) for data in [bytes(at * 7 & 255 for at in range(n))]]


def test_a_lost_key_and_a_false_witness(sheet: Sheet, tmp_path: Path) -> None:
    new, old, witness = Signer(), Signer(), Signer()
    log = Synthetic(6, signers=[new, old])
    lost = save(tmp_path / "lost", log.seal(forgeries.fitted(log.files() | {"keys.json": keys_json(log.signers, lost=1)})))
    assert sheet.check(lost) == by_python(lost)
    assert sheet.verdict() == "Every check holds." and "declared lost" in sheet.page.locator("#check-keys").inner_text()
    sheet.page.locator("details summary").first.click()
    sheet.page.locator("#key").fill(old.vkey())
    assert sheet.check(lost) == by_python(lost, keys=[verify.Key(old.vkey())])
    assert "Do not rely on this bundle." in sheet.verdict()
    sheet.page.locator("#key").fill("")
    name, policy = "proof/global-checkpoint", f"witness w {witness.vkey(WITNESS, 4)}\nquorum w\n"
    false = LOG.files()[name].decode() + witness.cosign("log.example/root\n5\nsomething else\n", name=WITNESS, at=1_764_000_000)
    folder = save(tmp_path / "false", LOG.seal(forgeries.fitted(LOG.files() | {name: false.encode()})))
    (tmp_path / "policy").write_text(policy)
    sheet.page.locator("#policy").set_input_files(tmp_path / "policy")
    assert sheet.check(folder) == by_python(folder, policy=verify.Policy(policy))
    assert "Do not rely on this bundle." in sheet.verdict()


def test_a_folder_that_is_no_bundle(sheet: Sheet, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    assert sheet.check(tmp_path) == [""]
    assert sheet.verdict() == "This is no export bundle: there is no manifest.json in it."


def test_what_is_known_from_elsewhere(sheet: Sheet, tmp_path: Path) -> None:
    witness = Signer()
    folder, earlier, rewritten = LOG.save(tmp_path / "bundle", witness=witness), LOG.save(tmp_path / "earlier", size=11), Synthetic(24, signers=LOG.signers)
    key = sheet.page.locator("#key")
    sheet.page.locator("details summary").first.click()
    key.fill(LOG.signers[0].vkey())
    assert sheet.check(folder) == by_python(folder, keys=[verify.Key(LOG.signers[0].vkey())])
    assert sheet.verdict() == "Every check holds."
    stranger = Signer().vkey()
    key.fill(stranger)
    assert sheet.check(folder) == by_python(folder, keys=[verify.Key(stranger)])
    key.fill("nonsense")
    sheet.check(folder)
    assert sheet.verdict() == "The key or the policy cannot be used: A key has no name or no bytes."
    key.fill("")
    for text in (f"log {LOG.signers[0].vkey()}\nwitness w {witness.vkey(WITNESS, 4)}\nquorum w\n", f"witness w {Signer().vkey(WITNESS, 4)}\nquorum w\n"):
        (tmp_path / "policy").write_text(text)
        sheet.page.locator("#policy").set_input_files(tmp_path / "policy")
        assert sheet.check(folder) == by_python(folder, policy=verify.Policy(text))
    sheet.page.locator("#policy").set_input_files([])
    rewritten.entries[4] = forgeries.said(rewritten.entries[4], record=rewritten.entries[4].record.replace(b'"user"', b'"job"'))
    sheet.page.locator("#previous").set_input_files(earlier)
    for later in (LOG.save(tmp_path / "later", previous=11), rewritten.save(tmp_path / "rewritten", previous=11), LOG.save(tmp_path / "cut", size=9)):
        assert sheet.check(later) == by_python(later, previous=str(earlier))


def test_each_statement_says_how_it_was_checked(sheet: Sheet, tmp_path: Path) -> None:
    sheet.check(LOG.save(tmp_path))
    for name in verify.CHECKS:
        box = sheet.page.locator(f"#check-{name}")
        box.locator("summary").click()
        assert len(box.locator("details p").inner_text()) > 40
        assert box.locator("li").count()


def test_it_is_for_everybody(browser: Browser, tmp_path: Path) -> None:
    """Light, dark and narrow: no overflow, no finding of axe, the keyboard reaches everything."""
    folder = save(tmp_path / "bad", LOG.seal(forgeries.WAYS["an entry of the actor left out"][0](LOG)))
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320), ("dark", 320)):
        sheet = Sheet(browser, color_scheme=scheme)
        sheet.page.set_viewport_size({"width": width, "height": 800})
        for _ in range(2):
            assert [(v["id"], v["nodes"][0]["html"]) for v in violations(sheet.page)] == []
            assert sheet.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            sheet.check(folder)
        sheet.page.locator("#folder").focus()
        sheet.page.keyboard.press("Tab")
        assert sheet.page.evaluate("document.activeElement.tagName") == "SUMMARY"
        sheet.context.close()


def test_it_cannot_use_a_network(sheet: Sheet) -> None:
    """Its own policy forbids every request, so that a changed page could not send what it was given either."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        answers = sheet.page.evaluate("""async (address) => {
          navigator.sendBeacon(address);
          const image = new Image(), loaded = new Promise((done) => { image.onload = () => done("sent"); image.onerror = () => done("refused"); });
          image.src = address + "x.png";
          return [await fetch(address).then(() => "sent", () => "refused"), await loaded];
        }""", address)
        assert answers == ["refused", "refused"]
        with pytest.raises(TimeoutError):
            server.accept()
    assert sheet.complaints
    assert all("Content Security Policy" in text for text in sheet.complaints)
    sheet.complaints.clear()
    sheet.asked.clear()


def test_a_hundred_thousand_entries(sheet: Sheet, tmp_path: Path) -> None:
    log = Synthetic(0)
    for _ in range(100_000):
        log.add().openings.clear()
    folder = log.save(tmp_path, per_file=50_000, disclose=False)
    begun = time.monotonic()
    lines = sheet.check(folder, wait=120_000)
    assert lines[-1] == "verdict: Every check holds."
    assert "ok    entries: 100,000 entries have their form, their hashes and their numbers." in lines
    assert time.monotonic() - begun < 60


def test_the_manifest_in_canonical_form_is_the_same_in_both(sheet: Sheet, tmp_path: Path) -> None:
    """Names in many scripts, quotes, control characters: one canonical form in Python and in JavaScript."""
    for number, name in enumerate(["Ärzte & Söhne", "株式会社", 'a"b\\c/', "tab\tnew\nline\x01\x7f\u2028", "😀", "</script>"]):
        files = LOG.files(disclose=False)
        manifest = json.loads(files["manifest.json"]) | {"name": name}
        folder = save(tmp_path / str(number), LOG.seal(files | {"manifest.json": jcs(manifest) + b"\n"}))
        assert sheet.check(folder) == by_python(folder)
        assert sheet.verdict() == "Every check holds."
