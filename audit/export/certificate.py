"""The draft of a custodian's certificate, in plain words, with its limits; and what the manifest says of clock and limits."""
from __future__ import annotations

from typing import Any

CLOCK = ("Moments are those of the database server’s clock when an act was committed and when it was numbered. The order of entries is that of their numbers, which may differ slightly from the "
         "order of the acts. An entry is not older than the checkpoint its envelope names, and not younger than the checkpoint over this export.")
_ALWAYS = (
    "The log proves what was recorded and that it did not change afterwards. It does not prove that what was recorded is true: whoever controls the software can record a false event as it happens.",
    "Whoever holds the log’s keys and is watched by no witness could show different logs to different people. Compare checkpoints received at different times and by different people.",
    "The reading copies are conveniences. Where they differ from the evidence copy, the evidence copy counts; cells that a spreadsheet would run begin with an apostrophe.")
_ATTESTED = "That nothing else matches the filter is stated by the organization and not proven. What is in the export is proven to be genuine."
_DATES = "Dates were turned into numbers by the moment at which an entry was numbered."
_WITHHELD = "Values were withheld, each on a stated ground. Their places in the records are shown by commitments, so that every proof still holds."
_ERASED = "Values were erased from the log for good before this export. Their commitments remain; nobody can open them any more."
_PRUNED = "Entries whose time of retention was over were removed before this export. Their hashes remain in the tree."


_LOST = "A key that signed the log was lost, and the one that followed is endorsed by nobody. Whoever relies on the newer key should have been given it by other means."


def limits(manifest: dict[str, Any], *, pruned: bool, lost: bool) -> list[str]:
    """What this export does not prove, in sentences."""
    said = list(_ALWAYS)
    for holds, text in ((manifest["completeness"] == "attested", _ATTESTED), (any(manifest["dates"].values()), _DATES), (bool(manifest["disclosed"]["withheld"]), _WITHHELD),
                        (manifest["disclosed"]["erased"], _ERASED), (pruned, _PRUNED), (lost, _LOST)):
        if holds:
            said.append(text)
    return said


_PROVEN = {
    "range": "every entry with a number from {first} to {last}. Completeness of this range is proven by the numbers and the tree.",
    "actor": "every entry of one actor among the numbers {first} to {last}. Completeness is proven by counters inside the entries and by a total in the signed statement.",
    "target": "every entry about one person or thing among the numbers {first} to {last}. Completeness is proven by counters inside the entries and by a total in the signed statement.",
    "attested": "the entries among the numbers {first} to {last} that match the filter in `manifest.json`. That nothing else matches is our statement and not proven."}


def draft(manifest: dict[str, Any], *, key: str) -> str:
    """CERTIFICATE.md: to be read, completed and signed by the person who answers for the records."""
    m, count = manifest, manifest["entries"]["count"]
    rows = "\n".join(f"* {text}" for text in m["limits"])
    return f"""# Certificate of a custodian (draft)

*This is a draft. It was filled in by software. A qualified person has to read it, correct it, complete what is in brackets and sign it. It is written with
Rules 902(13) and 902(14) of the Federal Rules of Evidence in mind; elsewhere other forms may be required. It is not legal advice.*

I, [name], am [position] at {_line(m['name'])}. I know how the records described here are made and kept, and I am authorized to certify them.

## The records

1. They are entries of the audit log `{m['log']}` of {_line(m['name'])}, made by the software Steward, version {m['software']}, at or near the time of the acts they record, as a regular practice.
2. The software writes an entry in the same database transaction as the act. The database refuses an act without an entry. Each entry receives a number without a gap and becomes a leaf of a
   Merkle tree (RFC 6962), whose root is signed.
3. The export `{m['export']}` was asked for at {m['requested_at']}, for the matter “{_line(m['matter']) or '[none stated]'}” and the purpose “{_line(m['purpose'])}”.
   It contains {count:,} {'entry' if count == 1 else 'entries'}: {_PROVEN[m['completeness']].format(first=m['first'], last=m['last'])}

## Identification by hash

4. The log had {m['size']:,} entries with the root `{m['root']}`.
5. `SHA256SUMS` lists the SHA-256 hash of every file. Its signature `SHA256SUMS.sig` is made with the log’s Ed25519 key, SHA-256 of the public key (DER) `{key}`.
6. `verify.py` and `verify.html` in this folder check all of this without a network and without us. What they check stands in docs/audit-bundle.md of Steward. A party may use its own program.

## Clock

7. {m['clock']}

## Limits

{rows}

I declare that the foregoing is true and correct to the best of my knowledge.

[Place, date]  [Signature]  [Name in print]
"""


def _line(text: str) -> str:
    """Somebody's words on one line, with nothing that would be formatting."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|" else c for c in " ".join(text.split()))
