"""The record of one event: what is said, in which form, for ever. Personal values are commitments."""
from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from django.conf import settings

from audit.canonical import canonical
from audit.commitment import Opening, commit
from audit.context import current

VERSION = 1
LIMIT = 64 * 1024
"""Bytes of a record; a longer list of changes is replaced by its hash, flagged (AUDIT section 2)."""
Klass = Literal["public", "pii", "secret", "unrecorded"]


class Program(Protocol):
    """The program that acts in somebody's name: its number, what it is called, and the consent by which it acts."""

    @property
    def client(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def grant(self) -> UUID | None: ...


@dataclass(frozen=True, kw_only=True)
class ActorRef:
    """Who did it."""

    type: str
    id: UUID | None = None
    role: str = ""
    session: UUID | None = None
    token_id: UUID | None = None
    auth_method: str = ""
    auth_strength: str = ""
    auth_time: datetime | None = None
    name: str = ""
    email: str = ""
    through: Program | None = None
    """An app that they let act in their name."""


@dataclass(frozen=True, kw_only=True)
class TargetRef:
    type: str
    id: UUID
    label: str = ""
    role: str = ""
    subject: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field: `public` with its values, `pii` as commitments, `secret` as a keyed fingerprint of the new value."""

    path: str
    op: str
    before: Any
    after: Any
    klass: Klass
    subject: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Why:
    reason_code: str = ""
    text: str = ""
    private_note: str = ""
    ticket: str = ""
    matter: str = ""
    subject: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class EntryDraft:
    """What an entry is to say. `org` is the log it goes to."""

    org: UUID
    action: str
    category: str
    outcome: Literal["success", "denied", "failure", "unknown"]
    actor: ActorRef
    targets: list[TargetRef] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    why: Why = field(default_factory=Why)
    via: str = ""
    reason_code: str = ""
    approved_by: tuple[UUID, ...] = ()
    plan: UUID | None = None
    idem: str = ""
    client_time: str = ""
    scope: str = ""
    acted_as: UUID | None = None
    chain: tuple[str, ...] = ()
    grant_id: UUID | None = None
    policy: str = ""
    """Id and version of the policy that decided."""
    parent: UUID | None = None
    held: bool = False
    ended: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    bulk: tuple[UUID | None, int, int] | None = None
    severity: str = "info"
    phase: str = "single"
    retention: str = "standard"


def through(record: Mapping[str, Any]) -> str | None:
    """The app with which somebody did it, as it was called then ("" where it was gone by then); None where nobody let a program act in their name."""
    acting = any(link.startswith("client:") for link in record.get("delegation", {}).get("chain", []))
    return str(record.get("context", {}).get("client", "")) if acting else None


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds and Z."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z") if moment else None


def fingerprint(value: Any) -> str:
    """A keyed fingerprint of a secret: tells whether two are the same, to nobody without the key."""
    return hmac.new(settings.AUDIT_KEY, canonical(value), hashlib.sha256).hexdigest()[:32]


def build(draft: EntryDraft, *, entry_id: UUID, act: UUID | None, occurred_at: datetime) -> tuple[str, list[Opening]]:
    """The canonical text of the record, and the openings of its commitments."""
    openings: list[Opening] = []

    def hide(path: str, value: Any, subject: UUID | None) -> str | None:
        if value in (None, "", []):
            return None
        committed, opening = commit(path=path, value=value, subject=subject)
        openings.append(opening)
        return committed

    here, program = current(), draft.actor.through
    record = _bare({
        "v": VERSION, "event_id": str(entry_id), "schema": f"{draft.action}/1", "act": str(act) if act else None,
        "occurred_at": timestamp(occurred_at), "idem": draft.idem, "client_time": draft.client_time, "org": str(draft.org), "scope": draft.scope, "action": draft.action, "category": draft.category,
        "severity": draft.severity, "phase": draft.phase,
        "actor": _actor(draft.actor, hide),
        "delegation": {"acted_as": _text(draft.acted_as), "chain": [*draft.chain, *([f"client:{program.client}"] if program else [])],
                       "grant_id": _text(draft.grant_id or (program.grant if program else None)),
                       "approved_by": [str(a) for a in draft.approved_by], "plan": str(draft.plan) if draft.plan else None},
        "targets": [_bare({"type": t.type, "id": str(t.id), "role": t.role, "label": hide(f"targets.{n}.label", t.label, t.subject)})
                    for n, t in enumerate(draft.targets)],
        "decision": {"outcome": draft.outcome, "reason_code": draft.reason_code, "policy": draft.policy},
        "change": [_change(n, c, hide) for n, c in enumerate(draft.changes)],
        "ended": draft.ended, "facts": draft.facts,
        "why": {"reason_code": draft.why.reason_code, "text": hide("why.text", draft.why.text, draft.why.subject),
                "private_note": hide("why.private_note", draft.why.private_note, draft.why.subject), "ticket": draft.why.ticket, "matter": draft.why.matter},
        "context": {"via": draft.via or here.via, "request_id": here.request_id, "trace": here.trace,
                    "client": (program.name if program else "") or here.client, "route": here.route, "method": here.method,
                    "ip": hide("context.ip", here.ip, draft.actor.id), "user_agent": hide("context.user_agent", here.user_agent, draft.actor.id)},
        "bulk": {"id": str(draft.bulk[0]), "index": draft.bulk[1], "total": draft.bulk[2], "parent": _text(draft.parent)} if draft.bulk else None,
        "lifecycle": {"retention": draft.retention, "held": draft.held or None},
    })
    text = canonical(record)
    if len(text) > LIMIT:
        whole = canonical(record.pop("change", []))
        openings = [opening for opening in openings if not opening.path.startswith("change.")]
        record["change_omitted"] = {"sha256": hashlib.sha256(whole).hexdigest(), "bytes": len(whole)}
        text = canonical(record)
        if len(text) > LIMIT:
            raise ValueError("the record of this event is too long")
    return text.decode(), openings


def _actor(actor: ActorRef, hide: Any) -> dict[str, Any]:
    return {"type": actor.type, "id": _text(actor.id), "role": actor.role, "session": _text(actor.session), "token_id": _text(actor.token_id),
            "auth": {"method": actor.auth_method, "strength": actor.auth_strength, "time": timestamp(actor.auth_time)},
            "name": hide("actor.name", actor.name, actor.id), "email": hide("actor.email", actor.email, actor.id)}


def _change(number: int, change: Change, hide: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"path": change.path, "op": change.op, "class": change.klass}
    if change.klass == "public":
        made |= {"before": change.before, "after": change.after}
    elif change.klass == "pii":
        made |= _bare({"before": hide(f"change.{number}.before", change.before, change.subject),
                       "after": hide(f"change.{number}.after", change.after, change.subject)})
    else:
        made["fingerprint"] = fingerprint(change.after)
    return made


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None


def _bare(value: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty: None, '', empty lists and objects. Zero and false stay."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        item = _bare(item) if isinstance(item, dict) and key not in {"facts", "ended"} else item
        if item is not None and item != "" and item != [] and item != {}:
            found[key] = item
    return found
