"""What is inside of columns that hold a document (JSON): which keys there may be, what each means, and whom it is about (RIGHTS 4b, test 2).

A key that is not here is not kept: `manage.py check` asks for a document of every such column, and the tests look at all that is written.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dsar.datamap.inputs import INPUTS
from dsar.datamap.kinds import Column, DataMap

Whom = Literal["nobody", "subject", "actor", "others"]
"""subject: whom the row is about. actor: who acted or decided. others: somebody else, or whoever a text may name."""


@dataclass(frozen=True)
class Key:
    """A value, or several in a list."""

    means: str
    about: Whom = "nobody"


@dataclass(frozen=True)
class Keys:
    """Keys with their names. `empty` documents have none of them."""

    keys: Mapping[str, Schema]


@dataclass(frozen=True)
class Many:
    """A list in which each is the same."""

    each: Schema


@dataclass(frozen=True)
class By:
    """Keys that are not names but numbers or codes, each with the same behind it."""

    looks: str
    """What such a key looks like, as a regular expression."""
    means: str
    each: Schema
    about: Whom = "nobody"
    """Whom the key itself may be about: a code with a value in it."""


Schema = Key | Keys | Many | By

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILE = r"[a-z0-9_/.-]+"
_HOW_MANY = Key("how many there are")
_LINE = Key("which line of the file it is")
_SAID_BY_LINE = Key("what a line of the file says about somebody", "subject")
_NUMBERED = Key("where the file lies in the bundle, how long it is and what its hash is")
_COUNTED = Many(Keys({
    "kind": Key("actor, or a kind of target"), "id": Key("a random number", "others"), "n": Key("how many entries there are about it"), "nonce": Key("what the count is blinded with"),
    "siblings": Key("hashes of neighbours in the tree"), "other": Keys({"key": Key("the hash of what stands in its place"), "inner": Key("the blinded count of that")})}))
_WITHHELD = Many(Keys({"path": Key("which field is left out"), "ground": Key("on which ground it is left out")}))
_ACTIVITY = ("key", "purpose", "description", "legal_basis", "people", "data", "recipients", "transfers", "time_limits", "sources")

DOCUMENTS: dict[str, Schema] = {
    "accounts_brake.hits": By(r"\d{4}-\d\d-\d\dT\d\d:\d\d", "ten minutes of a day", Key("how many harmful acts the account did in them", "actor")),
    "accounts_noticeversion.words": By(r"[a-z][a-z-]*", "the slug of a power", Keys({
        "purpose": Key("what the organization uses the power for, as it published it"), "basis": Key("the legal basis that it names")})),
    "accounts_plan.data": Keys({name: Key("what the form of the power was told, by the label of the field", whom) for name, whom in INPUTS.items()} | {
        "header": Key("what the columns of an uploaded file are called, until somebody has said which is which")}),
    "accounts_plan.summary": Keys({
        "approvers": Key("the accounts that agreed", "actor"), "agreed": Key("whether a second person agreed"), "due_at": Key("when it happens without a second person"),
        "reminded": Key("whether those who can agree were reminded"), "tier": Key("how careful one has to be"), "brake": Key("whether it is too much at once"),
        "doable": _HOW_MANY, "skipped": _HOW_MANY, "done": _HOW_MANY, "failed": _HOW_MANY, "verdicts": By(r"create|change|skip|error", "a verdict", _HOW_MANY),
        "effects": By(r"(kept|lost|later|fact):.+", "an effect by its kind and code, which may have a value in it", Keys({
            "people": _HOW_MANY, "count": _HOW_MANY, "text": Key("what it means, where it is the same for everybody")}), "others")}),
    "accounts_plan.results": Many(Keys({})),
    "accounts_planrow.data": Keys({"line": _LINE, "cells": _SAID_BY_LINE, "action": Key("what is to be done with the person of this line", "subject")} | dict.fromkeys(
        ("who", "by", "reason_code", "until", "message", "not_before", "ends_on", "email", "name", "role", "groups", "title", "department", "contract_ends_on"), _SAID_BY_LINE)),
    "accounts_idempotencykey.receipt": Keys({
        "power": Key("which power it was"), "entries": Key("numbers of entries in the log"), "targets": Key("numbers of what was acted on", "subject"),
        "ended": By(r"[a-z_]+", "what ended", _HOW_MANY), "at": Key("when it was"), "undo": Key("which power undoes it"), "plan_id": Key("the number of a plan"),
        "due": Key("when it happens"), "client_id": Key("the number by which a program is known")}),
    "accounts_signingkey.public": Keys(dict.fromkeys(("kty", "n", "e", "alg", "use", "kid"), Key("a part of a public key, as RFC 7517 names it"))),
    "accounts_signalevent.claims": Keys({
        "event_timestamp": Key("when it happened", "subject"),
        "initiating_entity": Key("whether the person, an administrator or a policy did it", "subject"),
        "reason": Key("why the account is off, or the stream is", "subject"), "status": Key("how the stream is"), "state": Key("what the receiver asked to get back"),
        "credential_type": Key("which kind of credential changed", "subject"), "change_type": Key("what became of it", "subject"),
        "namespace": Key("whose levels of assurance are meant"), "current_level": Key("how well the person proves who they are", "subject"),
        "previous_level": Key("how well before", "subject"), "change_direction": Key("whether that is more or less", "subject")}),
    "audit_logkey.endorsed_by": Keys({"vkey": Key("the key before"), "signature": Key("its signature of this one"), "lost": Key("that the key before was lost"),
                                      "reason": Key("why there is another"), "entry": Key("the entry of the log that says so")}),
    "audit_signingrequest.body": Keys({"totals": Key("what has to be counted: a kind, and a random number", "others"), "text": Key("a list of hashes of files")}),
    "audit_signingrequest.answer": Keys({
        "index": Key("the place of the statement in the root log"), "size": Key("how many entries it is about"), "signature": Key("of the list of hashes"),
        "totals": _COUNTED}),
    "audit_export.wanted": Keys({
        "actor": Key("whose acts are wanted, as a random number", "others"), "acted_as": Key("for whom somebody acted, as a random number", "others"),
        "target": Keys({"type": Key("a kind of thing"), "id": Key("what the acts were done to, as a random number", "others")}),
        **dict.fromkeys(("actions", "categories", "outcomes"), Key("which acts are wanted")), "token": Key("by which API token, as a random number"),
        **dict.fromkeys(("ticket", "matter"), Key("to which matter the acts belong, as somebody called it", "others"))}),
    "audit_export.withheld": _WITHHELD,
    "audit_export.reading": Key("which reading copies are wanted"),
    "audit_export.approved_by": Key("the accounts that agreed to the export", "actor"),
    "audit_export.custody": Many(Keys({
        "at": Key("when it was"), "event": Key("what happened to the export"), "by": Key("the account that did it", "actor"), "entry": Key("the number of an entry in the log"),
        "file": Key("which file"), "name": Key("which file"), "sha256": Key("the hash of a file")})),
    "audit_export.chunks": Many(Keys(dict.fromkeys(("file", "count", "first_seq", "last_seq", "sha256", "content_sha256"), _NUMBERED))),
    "audit_export.counts": Keys({"disclosed": _HOW_MANY, "erased": _HOW_MANY, "withheld": By(r".+", "the path of a field", _HOW_MANY), "named": Key("checkpoints that entries name")}),
    "audit_export.waiting": Keys({
        "epoch": Key("the number of a question to the signer"), "sums": Key("the number of a question to the signer"), "sealed_at": Key("when it was sealed"),
        "ended": Key("that the last file is done"),
        "edges": Key("where the months begin in the log"),
        "totals": _COUNTED}),
    "audit_export.files": Many(Keys(dict.fromkeys(("name", "size", "sha256"), _NUMBERED))),
    "dsar_copy.counts": By(_FILE, "a kind of data", Key("how many records of it the copy has", "subject")),
    "dsar_case.plan": By(r"[a-z_]+", "a right", Key("how it is answered", "subject")),
    "dsar_happening.facts": Keys({
        "channel": Key("how the request came", "subject"), "regimes": Key("which laws hold for it"), "level": Key("how well the person had to prove who they are", "subject"),
        "letters": Key("to whom letters go", "subject"), "agreed": Key("the accounts of administrators who agreed", "actor"),
        "administrator": Key("the account of an administrator whom it names", "others"),
        "against_wish": Key("whether the person had asked for somebody else", "subject"), "was": Key("the number that the request had before it was a case"),
        "evidence": Key("the number of a file"), "kind": Key("which kind of file"), "size": Key("how large it is"),
        "manifest": Key("the hash of a copy"), "records": Key("how many records it has", "subject"), "certificate": Key("the number of the proof of a deletion"),
        "backups_until": Key("until when a backup may have something"), "promised": Key("the day that was promised instead"), "closes": Key("the day on which it ends without an answer"),
        "into": Key("the reference of the request that goes on")}),
    "dsar_ledgermark.found": By(rf"|again|{_UUID}", "a log by its number; '' for what was read, `again` for rows whose words are lost", By(
        r"first|lines|[a-z_]+\.[a-z_]+( [^ ]+ \d{4}-\d\d-\d\d)?", "a kind of line, and of a row that has to be completed its random number and its day", _HOW_MANY)),
    "dsar_recordversion.document": Keys({
        **dict.fromkeys(("record", "law", "as_of", "map", "controller", "address", "country", "security_measures"), Key("the head of the record, about the organization")),
        **dict.fromkeys(("contact", "data_protection_officer"), Key("whom people can write to, as the organization published it", "others")),
        "recipients": Many(Keys(dict.fromkeys(("name", "kind", "purposes", "data", "country", "transfer", "since", "document"), Key("who gets data, as the register says")))),
        "activities": Many(Keys(dict.fromkeys(_ACTIVITY, Key("what the data map says of a purpose"))))}),
    "dsar_retentionrun.steps": Many(Keys({
        **dict.fromkeys(("due", "held", "total", "removed", "emptied", "parts"), _HOW_MANY), "kind": Key("which kind of data"), "after": Key("how far it is: a random number"),
        "over": Key("whether it is done"), "again": Key("whether it was looked through once more"), "by": By(rf"|-|{_UUID}", "the number of a rule", _HOW_MANY),
        "counted": By(r".*", "what was counted", _HOW_MANY)})),
    "dsar_organizationexport.counts": By(_FILE, "a file of the export", _HOW_MANY),
    "dsar_organizationexport.withheld": Many(Keys({
        "what": Key("which kind of data"), "ground": Key("on which ground it is left out"), "why": Key("the ground in words"), "count": _HOW_MANY, "columns": Key("which columns")})),
    "mfa_authenticator.data": Keys({
        "secret": Key("the secret of an authenticator app, sealed", "subject"), "name": Key("what the person calls a passkey", "subject"),
        "passwordless": Key("whether it is enough by itself", "subject"), "seed": Key("what recovery codes are made from, sealed", "subject"),
        "used_mask": Key("which recovery codes are used up", "subject"), "migrated_codes": Key("recovery codes, hashed", "subject"),
        "viewed_at": Key("when the person saw their recovery codes", "subject"),
        "credential": Key("a passkey as the browser gave it: its public key and what it can do", "subject")}),
    **dict.fromkeys(("oauth2_provider_grant.resource", "oauth2_provider_accesstoken.resource", "oauth2_provider_refreshtoken.resource"), Key("which programs the token is meant for")),
}
"""By table and column. `Key` for the whole document: it is a value, or several."""
OPEN = frozenset({"mfa_authenticator.data.credential"})
"""What a library or a browser writes: keys below are theirs, and the key above says for all of them whom they are about."""


def unknown(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """Keys of a document that are not declared, by the way to them."""
    if value is None or path in OPEN:
        return
    if isinstance(schema, Key):
        if isinstance(value, dict):
            yield from (f"{path}.{name}" for name in value)
        elif isinstance(value, list | tuple):
            for one in value:
                yield from unknown(schema, one, path)
    elif isinstance(schema, Many):
        if not isinstance(value, list | tuple):
            yield f"{path} (several are declared, and it is one)"
            return
        for one in value:
            yield from unknown(schema.each, one, path)
    elif not isinstance(value, dict):
        yield f"{path} (keys are declared, and it has none)"
    elif isinstance(schema, By):
        for name, one in value.items():
            yield from unknown(schema.each, one, f"{path}.*") if re.fullmatch(schema.looks, str(name)) else (f"{path}.{name}",)
    else:
        for name, one in value.items():
            yield from unknown(schema.keys[str(name)], one, f"{path}.{name}") if str(name) in schema.keys else (f"{path}.{name}",)


def leaves(schema: Schema, path: str) -> Iterator[tuple[str, Key]]:
    """Everything that a document may hold, with the way to it."""
    if isinstance(schema, Key):
        yield path, schema
    elif isinstance(schema, Many):
        yield from leaves(schema.each, path)
    elif isinstance(schema, By):
        yield f"{path}.*", Key(schema.means, schema.about)
        yield from leaves(schema.each, f"{path}.*")
    else:
        for name, one in schema.keys.items():
            yield from leaves(one, f"{path}.{name}")


def problems(map_: DataMap, columns: Iterable[str], inputs: Iterable[str], documents: Mapping[str, Schema] | None = None) -> Iterator[str]:
    """What is missing of these columns (`table.column`) and of the fields of forms, and what contradicts the map."""
    columns, inputs, documents = set(columns), set(inputs), DOCUMENTS if documents is None else documents
    yield from (f"{name} holds a document, and nobody says what is in it" for name in sorted(columns - set(documents)))
    yield from (f"{name} has a declared document and does not exist" for name in sorted(set(documents) - columns))
    yield from (f"the form field {name!r} is in stored plans, and nobody says whom it is about" for name in sorted(inputs - set(INPUTS)))
    yield from (f"the form field {name!r} is declared and in no form" for name in sorted(set(INPUTS) - inputs))
    for name in sorted(columns & set(documents)):
        table, _dot, column = name.partition(".")
        unit = map_.by_table.get(table)
        declared = unit.columns.get(column, Column()) if unit else Column()
        found = list(leaves(documents[name], name))
        yield from (f"{path}: the meaning is too short to be one" for path, key in found if len(key.means) < 6)
        if not declared.category and not declared.reviewed and name not in RANDOM and (about := [path for path, key in found if key.about != "nobody"]):
            yield f"{name} is declared to be about nobody, and {about[0]} is about somebody"


RANDOM = frozenset({"audit_signingrequest.body", "audit_signingrequest.answer", "audit_export.waiting"})
"""What they have of somebody is a random number that leads to nobody once the account is deleted: the signer counts entries by it."""
