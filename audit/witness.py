"""Witnesses: others who remember the root log's heads, so that a history that was rewritten and signed anew is noticed (C2SP tlog-witness)."""
from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from audit import notes, outbound
from audit.notes import BadNote, Signature, Verifier

logger = logging.getLogger("steward.witness")
SECONDS = 5.0
_LIMIT = 64 * 1024
Consistency = Callable[[int], list[bytes]]


def cosign(*, note: str, size: int, before: int, consistency: Consistency) -> list[Signature]:
    """Ask every witness that is configured. Those that are slow, gone or wrong are left out and logged; signing never waits for them longer than a few seconds."""
    if not settings.WITNESSES:
        return []
    proofs = {old: consistency(old) for old in {before} if 0 < old < size}

    def path(old: int) -> list[bytes]:
        return [] if old in (0, size) else proofs[old] if old in proofs else consistency(old)

    found: list[Signature] = []
    conflicts: list[tuple[dict[str, str], int]] = []
    with ThreadPoolExecutor(len(settings.WITNESSES)) as pool:
        first = path(before) if before in proofs or before in (0, size) else []
        for one, (signatures, stands_at) in zip(settings.WITNESSES, pool.map(lambda w: _ask(w, note, before, first), settings.WITNESSES), strict=True):
            found += signatures
            if stands_at is not None and stands_at < size:
                conflicts.append((one, stands_at))
        again = [(one, old, path(old)) for one, old in conflicts]  # read here: the database connection belongs to this thread
        for signatures, _stands_at in pool.map(lambda a: _ask(a[0], note, a[1], a[2]), again):
            found += signatures
    return found


def _ask(one: dict[str, str], note: str, old: int, path: list[bytes]) -> tuple[list[Signature], int | None]:
    """What one witness signed, and, when it stands elsewhere (409), at which size."""
    body = "".join([f"old {old}\n", *(base64.b64encode(node).decode() + "\n" for node in path), "\n", note])
    try:
        address = one["url"].rstrip("/") + "/add-checkpoint"
        said = outbound.request("POST", address, headers={"Content-Type": "text/plain; charset=utf-8"}, body=body.encode(), seconds=SECONDS, limit=_LIMIT, configured=True)
        status, answer = said.status, said.body.decode()
        if status == 409 and re.fullmatch(r"\d{1,18}\n?", answer):
            return [], int(answer)
        if status != 200:
            logger.warning("the witness %s answered %d", one["name"], status)
            return [], None
        return _cosignatures(one, note, answer), None
    except (outbound.NotSent, ValueError) as error:
        logger.warning("the witness %s did not cosign (%s)", one["name"], error if isinstance(error, outbound.NotSent) else type(error).__name__)
        return [], None


def _cosignatures(one: dict[str, str], note: str, answer: str) -> list[Signature]:
    """The lines of the answer that its known key signed; the others are nobody's."""
    verifier = Verifier.parse(one["vkey"])
    text, _lines = notes.parse(note)
    _text, offered = notes.parse(text + "\n" + answer)
    good = [s for s in offered if (s.name, s.id) == (verifier.name, verifier.id) and verifier.signed(text, s.signature)]
    if not good:
        raise BadNote("it signed nothing that its key verifies")
    return good[:2]

