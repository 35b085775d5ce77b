"""Reading copies: the same entries for a spreadsheet, for security tools and for review platforms. The evidence is the other copy."""
from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import orjson

from audit import ocsf
from audit.export.disclosures import Line

CSV_VERSION = 1
COLUMNS = ("occurred_at", "recorded_at", "action", "category", "outcome", "reason_code", "actor_type", "actor_id", "actor_name", "actor_email", "acted_as", "token_id", "approved_by", "plan",
           "target_types", "target_ids", "target_labels", "change", "ended", "facts", "ground", "message", "private_note", "ticket", "matter", "via", "request_id", "ip", "user_agent",
           "seq", "event_id", "record_sha256", "leaf_sha256", "bates")
"""The order is part of the format."""
_DAT = ("BEGBATES", "ENDBATES", "SEQ", "EVENTID", "OCCURRED", "RECORDED", "ACTION", "OUTCOME", "ACTOR", "TARGETS", "CHANGE", "GROUND", "MESSAGE", "MATTER", "RECORDSHA256", "LEAFSHA256")
_QUOTE, _BETWEEN, _NEWLINE = "\u00fe", "\x14", "\u00ae"
"""What Concordance and those after it expect around, between and inside the values."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def bates(prefix: str, seq: int) -> str:
    """The page number of the lawyers, bound to the entry's number."""
    return f"{prefix}-{seq:010d}"


def safe(value: str) -> str:
    """A cell that no spreadsheet runs: control characters are shown as such, a formula begins with an apostrophe (OWASP, CSV injection)."""
    text = _CONTROL.sub("\ufffd", value)
    return f"'{text}" if _FORMULA.match(text) or text[:1] in {"\t", "\r"} else text


def values(line: Line, prefix: str) -> dict[str, str]:
    """Everything about one entry as texts, by column."""
    record, envelope = line.record, line.envelope
    actor, why, delegation, context = record["actor"], record.get("why", {}), record.get("delegation", {}), record.get("context", {})
    targets = record.get("targets", [])
    return {
        "occurred_at": record["occurred_at"], "recorded_at": envelope["recorded_at"], "action": record["action"], "category": record["category"], "outcome": record["decision"]["outcome"],
        "reason_code": record["decision"].get("reason_code", ""), "actor_type": actor["type"], "actor_id": actor.get("id", ""),
        "actor_name": _said(line, "actor.name"), "actor_email": _said(line, "actor.email"),
        "acted_as": delegation.get("acted_as", ""), "token_id": actor.get("token_id", ""), "approved_by": " ".join(delegation.get("approved_by", [])), "plan": delegation.get("plan", ""),
        "target_types": "; ".join(t["type"] for t in targets), "target_ids": "; ".join(t["id"] for t in targets),
        "target_labels": "; ".join(_said(line, f"targets.{n}.label") for n in range(len(targets))),
        "change": "\n".join(_change(line, n, c) for n, c in enumerate(record.get("change", []))), "ended": _flat(record.get("ended")), "facts": _flat(record.get("facts")),
        "ground": why.get("reason_code", ""), "message": _said(line, "why.text"), "private_note": _said(line, "why.private_note"), "ticket": why.get("ticket", ""), "matter": why.get("matter", ""),
        "via": context.get("via", ""), "request_id": context.get("request_id", ""), "ip": _said(line, "context.ip"), "user_agent": _said(line, "context.user_agent"),
        "seq": str(envelope["seq"]), "event_id": record["event_id"], "record_sha256": envelope["record_sha256"], "leaf_sha256": line.leaf, "bates": bates(prefix, line.seq)}


def _said(line: Line, path: str) -> str:
    if path in line.closed:
        return f"[{line.closed[path]}]"
    value = line.open.get(path, "")
    return value if isinstance(value, str) else _flat(value)


def _flat(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if value else ""


def _change(line: Line, number: int, change: dict[str, Any]) -> str:
    def side(name: str) -> str:
        if change["class"] == "pii":
            return _said(line, f"change.{number}.{name}")
        if change["class"] == "secret":
            return "[secret]"
        value = change.get(name)
        return "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()

    return f"{change['path']}: {side('before')} -> {side('after')}"


def csv_head() -> bytes:
    return (",".join(COLUMNS) + "\r\n").encode()


def csv_line(line: Line, prefix: str) -> bytes:
    """One row (RFC 4180)."""
    found, out = values(line, prefix), io.StringIO()
    csv.writer(out).writerow([safe(found[name]) for name in COLUMNS])
    return out.getvalue().encode()


def dat_head() -> bytes:
    return b"\xef\xbb\xbf" + _dat(_DAT)


def _dat(cells: tuple[str, ...] | list[str]) -> bytes:
    return (_BETWEEN.join(f"{_QUOTE}{cell}{_QUOTE}" for cell in cells) + "\r\n").encode()


def dat_line(line: Line, prefix: str) -> bytes:
    """One row of the load file. Its own marks cannot be in a value."""
    found = values(line, prefix)
    cells = [found["bates"], found["bates"], found["seq"], found["event_id"], found["occurred_at"], found["recorded_at"], found["action"], found["outcome"],
             found["actor_name"] or found["actor_email"] or found["actor_id"],
             found["target_labels"] if found["target_labels"].strip("; ") else found["target_ids"], found["change"], found["ground"], found["message"], found["matter"],
             found["record_sha256"], found["leaf_sha256"]]
    return _dat([safe(cell.replace(_QUOTE, "\ufffd").replace(_NEWLINE, "\ufffd")).replace("\r\n", _NEWLINE).replace("\n", _NEWLINE).replace("\r", _NEWLINE) for cell in cells])


def ocsf_line(line: Line, version: str, log: str) -> bytes:
    return orjson.dumps(ocsf.event(envelope=line.envelope, record=line.record, opened=line.open, version=version, log=log, leaf=line.leaf), option=orjson.OPT_SORT_KEYS) + b"\n"


def writers(*, kinds: list[str], prefix: str, version: str, log: str) -> dict[str, Callable[[Line], bytes]]:
    """What writes a line of each copy that is wanted, by the name of its file."""
    found: dict[str, Callable[[Line], bytes]] = {"reading/events.csv": lambda line: csv_line(line, prefix), "reading/ocsf.jsonl.gz": lambda line: ocsf_line(line, version, log),
                                                 "reading/loadfile.dat": lambda line: dat_line(line, prefix)}
    names = {"csv": "reading/events.csv", "ocsf": "reading/ocsf.jsonl.gz", "loadfile": "reading/loadfile.dat"}
    return {names[kind]: found[names[kind]] for kind in ("csv", "ocsf", "loadfile") if kind in kinds}


HEADS: dict[str, Callable[[], bytes]] = {"reading/events.csv": csv_head, "reading/ocsf.jsonl.gz": lambda: b"", "reading/loadfile.dat": dat_head}
