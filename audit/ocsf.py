"""Entries as events of the Open Cybersecurity Schema Framework. The map is data, the version a parameter (AUDIT section 1).

1.8.0 is what others read today. On the branch that becomes 1.9 Account Change (3001) and User Access Management (3005) are
deprecated in favour of User Management (3007) and Role Management (3008).
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

VERSIONS = ("1.8.0", "1.9.0")
DEFAULT = "1.8.0"

Kind = tuple[int, int]
"""Class and activity."""

ENTITY = {"create": (3004, 1), "read": (3004, 2), "update": (3004, 3), "delete": (3004, 4)}
_ACCOUNT: dict[str, dict[str, Kind]] = {
    "account.create": {"1.8.0": (3001, 1), "1.9.0": (3007, 1)}, "account.update": {"1.8.0": (3004, 3), "1.9.0": (3007, 2)}, "account.delete": {"1.8.0": (3001, 6), "1.9.0": (3007, 3)},
    "account.enable": {"1.8.0": (3001, 2), "1.9.0": (3007, 4)}, "account.disable": {"1.8.0": (3001, 5), "1.9.0": (3007, 5)},
    "account.lock": {"1.8.0": (3001, 9), "1.9.0": (3007, 6)}, "account.unlock": {"1.8.0": (3001, 12), "1.9.0": (3007, 7)},
    "password.reset": {"1.8.0": (3001, 4), "1.9.0": (3007, 9)}, "password.change": {"1.8.0": (3001, 3), "1.9.0": (3007, 8)}, "mfa.reset": {"1.8.0": (3001, 11), "1.9.0": (3007, 13)},
    "mfa.enable": {"1.8.0": (3001, 10), "1.9.0": (3007, 12)},
    "role.grant": {"1.8.0": (3005, 3), "1.9.0": (3007, 16)}, "role.revoke": {"1.8.0": (3005, 4), "1.9.0": (3007, 17)},
    "access.grant": {"1.8.0": (3005, 1), "1.9.0": (3007, 14)}, "access.revoke": {"1.8.0": (3005, 2), "1.9.0": (3007, 15)},
    "token.create": {"1.8.0": (3001, 99), "1.9.0": (3007, 18)}, "token.revoke": {"1.8.0": (3001, 99), "1.9.0": (3007, 19)},
    "group.create": {"1.8.0": (3006, 6), "1.9.0": (3006, 6)}, "group.delete": {"1.8.0": (3006, 5), "1.9.0": (3006, 5)},
    "member.add": {"1.8.0": (3006, 3), "1.9.0": (3006, 3)}, "member.remove": {"1.8.0": (3006, 4), "1.9.0": (3006, 4)},
    "role.define": {"1.8.0": (3004, 1), "1.9.0": (3008, 1)}, "role.edit": {"1.8.0": (3004, 3), "1.9.0": (3008, 2)}, "role.remove": {"1.8.0": (3004, 4), "1.9.0": (3008, 3)},
    "sign.in": {"1.8.0": (3002, 1), "1.9.0": (3002, 1)}, "sign.out": {"1.8.0": (3002, 2), "1.9.0": (3002, 2)}, "sign.switch": {"1.8.0": (3002, 7), "1.9.0": (3002, 7)},
    **{f"entity.{name}": {"1.8.0": kind, "1.9.0": kind} for name, kind in ENTITY.items()},
}
"""What can happen, and how each version calls it."""

ACTIONS: dict[str, str] = {
    "membership.invited": "access.grant", "membership.accepted": "access.grant", "membership.restored": "access.grant",
    "membership.invitation_cancelled": "access.revoke", "membership.invitation_declined": "access.revoke", "membership.restricted": "access.revoke",
    "membership.suspended": "access.revoke", "membership.suspended_inactive": "access.revoke",
    "membership.removed": "access.revoke", "membership.left": "access.revoke",
    "membership.role_changed": "role.grant", "membership.role_updated": "role.grant", "membership.group_role_changed": "role.grant", "organization.ownership_transferred": "role.grant",
    "account.deactivated": "account.disable", "account.reactivated": "account.enable", "account.locked": "account.lock",
    "service_account.created": "account.create", "operator.created": "account.create",
    "profile.updated": "account.update", "profile.updated_by_person": "account.update", "account.identity_changed": "account.update", "account.address_confirmed": "account.update",
    "person.password_reset.required": "password.reset", "account.password_reset": "password.reset", "account.password_reset_asked": "password.reset", "account.password_changed": "password.change",
    "person.second_factor.reset": "mfa.reset", "person.second_factor.removed": "mfa.reset", "second_factor.app_removed": "mfa.reset", "second_factor.passkey_removed": "mfa.reset",
    "second_factor.app_added": "mfa.enable", "second_factor.passkey_added": "mfa.enable",
    "token.created": "token.create", "token.revoked": "token.revoke", "person.tokens.revoked": "token.revoke",
    "group.created": "group.create", "group.deleted": "group.delete", "membership.group_joined": "member.add", "membership.group_left": "member.remove",
    "role.created": "role.define", "role.updated": "role.edit", "role.refreshed": "role.edit", "role.deleted": "role.remove",
    "account.signed_in": "sign.in", "account.first_step_passed": "sign.in", "account.proved_again": "sign.in", "account.signed_out": "sign.out", "session.ended_by_person": "sign.out",
    "session.program_signed_in": "sign.in", "session.program_signed_out": "sign.out", "session.code_reused": "sign.out", "session.refresh_reused": "sign.out", "session.device_refused": "sign.in",
    "person.sessions.revoked": "sign.out", "people.exported": "entity.read",
}
"""Our events. What is not named here is told by its last word."""
_WORDS = (("created", "entity.create"), ("added", "entity.create"), ("deleted", "entity.delete"), ("removed", "entity.delete"), ("expired", "entity.delete"), ("pruned", "entity.delete"))
_NAMES = {3001: "Account Change", 3002: "Authentication", 3004: "Entity Management", 3005: "User Access Management", 3006: "Group Management", 3007: "User Management", 3008: "Role Management"}
_SEVERITY = {"info": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
_STATUS = {"success": (1, "Success"), "denied": (2, "Failure"), "failure": (2, "Failure")}


def kind_of(action: str, *, version: str = DEFAULT) -> Kind:
    """Class and activity of one of our events."""
    meant = ACTIONS.get(action)
    if meant is None and action.startswith("audit."):
        meant = "entity.read"
    if meant is None:
        meant = next((kind for word, kind in _WORDS if action.endswith(word)), "entity.update")
    return _ACCOUNT[meant][version]


def event(*, envelope: Mapping[str, Any], record: Mapping[str, Any], opened: Mapping[str, Any], version: str = DEFAULT, log: str = "", leaf: str = "") -> dict[str, Any]:
    """One entry. `opened` has the personal values the reader may see, by path; `log` and `leaf` add the attestation of 1.9."""
    if version not in VERSIONS:
        raise ValueError(f"there is no OCSF version {version} here; there are {', '.join(VERSIONS)}")
    group, activity = kind_of(record["action"], version=version)
    outcome = record["decision"]["outcome"]
    status, said = _STATUS.get(outcome, (0, "Unknown"))
    severity, heavy = _SEVERITY.get(record.get("severity", "info"), (1, "Informational"))
    made: dict[str, Any] = {
        "activity_id": activity, "category_uid": 3, "category_name": "Identity & Access Management", "class_uid": group, "class_name": _NAMES[group], "type_uid": group * 100 + activity,
        "time": _milliseconds(record["occurred_at"]), "severity_id": severity, "severity": heavy, "status_id": status, "status": said,
        **({"status_code": record["decision"].get("reason_code") or outcome} if outcome != "success" else {}),
        "message": record["action"], "metadata": _metadata(envelope, record, version), "actor": {"user": _actor(record, opened)},
        **_subject(group, record, opened), "unmapped": _unmapped(record)}
    if (address := opened.get("context.ip")) and isinstance(address, str):
        made["src_endpoint"] = {"ip": address}
    if version != "1.8.0" and log:
        made["attestation_list"] = [{"chain_uid": log, "sequence": envelope["seq"], "fingerprint": {"algorithm_id": 3, "algorithm": "SHA-256", "value": leaf}}]
    return made


def _milliseconds(stamp: str) -> int:
    moment = datetime.fromisoformat(stamp)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _metadata(envelope: Mapping[str, Any], record: Mapping[str, Any], version: str) -> dict[str, Any]:
    about = record.get("bulk", {}).get("id") or record.get("context", {}).get("request_id")
    return {"version": version, "product": {"name": "Steward", "vendor_name": "Steward"}, "uid": record["event_id"], "sequence": envelope["seq"], "tenant_uid": record["org"],
            "event_code": record["action"], "original_time": record["occurred_at"], "logged_time": _milliseconds(envelope["recorded_at"]), **({"correlation_uid": about} if about else {})}


def _actor(record: Mapping[str, Any], opened: Mapping[str, Any]) -> dict[str, Any]:
    actor = record["actor"]
    user: dict[str, Any] = {"type": actor["type"], "type_id": 1 if actor["type"] == "user" else 99}
    if actor.get("id"):
        user["uid"] = actor["id"]
    for name, path in (("name", "actor.name"), ("email_addr", "actor.email")):
        if isinstance(opened.get(path), str):
            user[name] = opened[path]
    return user


def _subject(group: int, record: Mapping[str, Any], opened: Mapping[str, Any]) -> dict[str, Any]:
    """Whom or what it is about, where this class of event has its place."""
    targets = record.get("targets", [])
    named = [{"uid": t["id"], "type": t["type"], **({"name": opened[f"targets.{n}.label"]} if isinstance(opened.get(f"targets.{n}.label"), str) else {})} for n, t in enumerate(targets)]
    person = next((one for one in named if one["type"] in {"person", "service_account"}), None)
    if group == 3006:
        found = next((one for one in named if one["type"] == "group"), named[0] if named else {"uid": record["org"]})
        return {"group": {k: v for k, v in found.items() if k != "type"}, **({"user": _user(person)} if person else {})}
    if group in {3001, 3002, 3005, 3007}:
        privileges = {"privileges": [str(record.get("facts", {}).get("role_after", record["action"]))]} if group == 3005 else {}
        return {"user": _user(person) if person else {"uid": record["actor"].get("id") or record["org"]}, **privileges}
    found = named[0] if named else {"uid": record["org"], "type": "organization"}
    if group == 3008:
        return {"role": {k: v for k, v in found.items() if k != "type"}}
    return {"entity": found, "comment": record.get("why", {}).get("reason_code", "")}


def _user(person: Mapping[str, Any]) -> dict[str, Any]:
    return {"uid": person["uid"], "type_id": 1 if person["type"] == "person" else 99, **({"name": person["name"]} if "name" in person else {})}


def _unmapped(record: Mapping[str, Any]) -> dict[str, Any]:
    """What this schema has no place for, kept as it was recorded."""
    return {name: record[name] for name in ("delegation", "targets", "change", "ended", "facts", "why", "bulk", "schema", "act") if name in record}
