"""The day the signer's keys are gone for good: new ones that nobody endorsed, said in the log and to whoever verifies (docs/operating.md, The signer).

The old key stays in the list of keys, ended: what it signed goes on verifying. That the new one is ours cannot be proved by it any more, so it is not
claimed: whoever knew the old key has to be given the new one by other means.
"""
from __future__ import annotations

from datetime import datetime

from django.db import connections, transaction

from audit import INSTALLATION, epochs, keys, recording
from audit.keys import KeyRing, NoKeys
from audit.notes import Verifier
from audit.record import ActorRef, EntryDraft
from audit.signer import ALIAS, LOCK

ACTION = "audit.log_key_lost"


class NotLost(Exception):
    """Nothing was replaced; the text says why."""


def replace(*, lost: str, now: datetime) -> Verifier:
    """Declare the newest signing key lost and begin with new ones. `lost` is that key's number, the eight signs after its name, so that nobody does this by mistake.

    Recorded first. Whoever is killed afterwards does it again: an entry too many harms nobody, and keys are valid only once they are published."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise NotLost("a signer is at work, so the keys are there; stop it first if they are really lost")
    try:
        known = keys.in_use(alias=ALIAS)
        if not known:
            raise NotLost("there are no keys yet: start the signer, which makes them")
        old = Verifier.parse(known[-1].vkey)
        if old.id.hex() != lost.strip().lower():
            raise NotLost(f"the key in use is {old.id.hex()}; name it if that is the one that was lost")
        if _there([row.vkey for row in known], now):
            raise NotLost(f"nothing is lost: its private key is in {keys.folder()}")
        host = epochs.host(alias=ALIAS)
        fresh = KeyRing(keys.folder(), host, [keys.fresh(now)])
        made = Verifier.parse(fresh.verifiers()[0][1].vkey)
        with transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
            [entry] = act.write([EntryDraft(org=INSTALLATION, action=ACTION, category="audit", outcome="success", actor=ActorRef(type="operator"), via="cli", severity="critical",
                                            facts={"lost": old.vkey, "new": made.vkey})])
        with transaction.atomic(using=ALIAS):
            keys.publish(fresh, alias=ALIAS, instead={"lost": old.vkey, "entry": str(entry)})
            try:
                keys.folder().mkdir(mode=0o700, parents=True, exist_ok=True)
                if (path := keys.folder() / "keys.json").exists():  # damaged, or somebody else's: nobody's keys are overwritten
                    path.replace(path.with_name("keys.replaced.json"))
                keys.save(fresh)
            except OSError as error:
                raise NoKeys(f"the folder of the signer's keys cannot be used: {error.strerror} ({keys.folder()})") from error
        return made
    finally:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _there(known: list[str], now: datetime) -> bool:
    """Whether the folder holds the keys that are in use. One that others can read may hold them: then it is no loss, but something to mend first."""
    path = keys.folder() / "keys.json"
    if path.exists() and path.stat().st_mode & 0o077:
        raise NotLost(f"{path} can be read by others; make its mode 600, and see whether the signer starts")
    try:
        ring = keys.ring(now=now, create=False)
    except NoKeys:
        return False
    return [verifier.vkey for kind, verifier, _since in ring.verifiers() if kind == "ed25519"][:len(known)] == known
