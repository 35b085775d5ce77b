"""The stream of one client, as its program sets it up: created, read, changed, removed, paused, tried; who is in it (SSF 1.0, section 8.1)."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import outbox, receivers
from accounts.models import OAuthApplication, SignalEvent, SignalExclusion, SignalStream
from accounts.oauth.subjects import subject
from accounts.signals import tokens
from accounts.signals.known import everybody
from accounts.signals.mapping import SUPPORTED, UPDATED, VERIFICATION
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
METHODS = {PUSH: "push", POLL: "poll"}
BETWEEN = timedelta(seconds=30)
"""A receiver can ask for a verification this often."""
KNOWN = frozenset({"stream_id", "iss", "aud", "events_supported", "events_requested", "events_delivered", "delivery", "min_verification_interval", "description", "inactivity_timeout", "format"})


class Bad(Exception):
    """What was sent makes no sense, or cannot be. `status` is the answer's."""

    def __init__(self, code: str, words: str, status: int = 400) -> None:
        self.code, self.words, self.status = code, words, status
        super().__init__(code)


def configuration(stream: SignalStream) -> dict[str, Any]:
    """The stream as the receiver sees it; never the header that it gave us."""
    delivery = {"method": PUSH, "endpoint_url": stream.url} if stream.method == "push" else {"method": POLL, "endpoint_url": f"{settings.STEWARD_URL}/ssf/poll/{stream.id}"}
    return {"stream_id": str(stream.id), "iss": tokens.issuer(), "aud": stream.application.client_id, "events_supported": list(SUPPORTED), "events_requested": stream.events,
            "events_delivered": [kind for kind in SUPPORTED if kind in stream.events], "delivery": delivery, "min_verification_interval": int(BETWEEN.total_seconds()),
            **({"description": stream.description} if stream.description else {})}


def of(application: OAuthApplication) -> SignalStream | None:
    return SignalStream.objects.select_related("application").filter(application=application).first()


def create(application: OAuthApplication, asked: Mapping[str, Any], *, now: datetime) -> SignalStream:
    """The client's stream. Without a method it is fetched; without types it gets none until it asks for some."""
    there = Bad("stream_exists", "There is a stream already. Read, change or delete it.", 409)
    if of(application) is not None:
        raise there
    row = SignalStream(id=uuid.uuid4(), organization_id=application.organization_id, application=application, method="poll", created_at=now)
    _take(row, asked, whole=True)
    try:
        with transaction.atomic(), recording.opened(org=row.organization_id, now=now) as act:
            row.save(force_insert=True)
            act.write([_draft(row, "signals.stream_created", method=row.method, host=row.host, events=len(row.events))])
    except IntegrityError as error:  # it asked twice at once, and one of both was faster
        raise there from error
    return row


def _locked(stream: SignalStream) -> SignalStream:
    """The stream as it is now, held until the act is over. The program may have removed it with another request meanwhile."""
    row = SignalStream.objects.select_for_update(of=("self",)).select_related("application").filter(id=stream.id).first()
    if row is None:
        raise Bad("not_found", "There is no such stream.", 404)
    return row


def change(stream: SignalStream, asked: Mapping[str, Any], *, whole: bool, now: datetime) -> SignalStream:
    """PATCH changes what is given, PUT puts what is given in place of everything."""
    with transaction.atomic():
        row = _locked(stream)
        if str(asked.get("stream_id", row.id)) != str(row.id):
            raise Bad("invalid_request", "stream_id is the id of another stream")
        _take(row, asked, whole=whole)
        row.version, row.failures, row.failing_since, row.next_try = row.version + 1, 0, None, None
        with recording.opened(org=row.organization_id, now=now) as act:
            row.save()
            act.write([_draft(row, "signals.stream_changed", method=row.method, host=row.host, events=len(row.events))])
    return row


def say(row: SignalStream, status: str, *, now: datetime, reason: str = "") -> None:
    """Put down that the stream stands otherwise now; the receiver gets it with the rest, once there is something to get (SSF 1.0, section 8.1.5). Needs an open act."""
    SignalEvent.objects.create(organization_id=row.organization_id, stream=row, kind=UPDATED, at=now, issued_at=now, claims={"status": status, **({"reason": reason} if reason else {})})


def _unheld(row: SignalStream) -> None:
    if row.held_at is not None:
        raise Bad("access_denied", "An administrator of the organization paused this stream. Only an administrator can resume it.", 403)


def remove(stream: SignalStream, *, now: datetime) -> None:
    """The end of the stream, with everything that waits in it. One that an administrator paused stays: a new one would not be."""
    with transaction.atomic(), recording.opened(org=stream.organization_id, now=now) as act:
        _unheld(_locked(stream))
        SignalStream.objects.filter(id=stream.id).delete()
        act.write([_draft(stream, "signals.stream_removed")])


def set_status(stream: SignalStream, status: object, reason: object, *, now: datetime) -> SignalStream:
    """Enable, pause or disable. A disabled stream forgets what waits."""
    if status not in ("enabled", "paused", "disabled") or not isinstance(reason, str) or len(reason) > 200:
        raise Bad("invalid_request", "status is enabled, paused or disabled; reason is a text of at most 200 characters")
    with transaction.atomic():
        row = _locked(stream)
        if status == "enabled":
            _unheld(row)
        if row.status != status:
            row.status, row.reason, row.version = str(status), reason, row.version + 1
            with recording.opened(org=row.organization_id, now=now) as act:
                row.save(update_fields=["status", "reason", "version"])
                if status == "disabled":
                    SignalEvent.objects.filter(stream=row).delete()
                else:
                    say(row, str(status), now=now, reason=reason)
                act.write([_draft(row, f"signals.stream_{status}")])
    return row


def verify(stream: SignalStream, state: object, *, now: datetime) -> None:
    """Put down a verification event with the receiver's own word in it (SSF 1.0, section 8.1.4). It allows and changes nothing, so the log does not hear of it."""
    if state is not None and (not isinstance(state, str) or len(state) > 200):
        raise Bad("invalid_request", "state is a text of at most 200 characters")
    with transaction.atomic():
        row = _locked(stream)
        if row.verified_at is not None and row.verified_at > now - BETWEEN:
            raise Bad("too_many_requests", "Ask at most once in 30 seconds.", 429)
        SignalStream.objects.filter(id=row.id).update(verified_at=now, next_try=None)
        SignalEvent.objects.create(organization_id=row.organization_id, stream=row, kind=VERIFICATION, claims={"state": state} if state is not None else {}, at=now, issued_at=now)


def set_subject(stream: SignalStream, given: object, *, wanted: bool, now: datetime) -> None:
    """Take somebody out of the stream, or back in. Whoever the program does not know it cannot name either; both are answered the same."""
    if not isinstance(given, dict) or given.get("format") != "iss_sub" or not isinstance(given.get("sub"), str) or given.get("iss") != tokens.issuer():
        raise Bad("invalid_request", "subject has the format iss_sub, with this issuer and the sub of the person")
    account_id = _account(stream, given["sub"])
    if account_id is None:
        raise Bad("not_found", "No such subject in this stream.", 404)
    with transaction.atomic():
        _locked(stream)  # two requests at once answer like one after the other
        rows = SignalExclusion.objects.filter(stream=stream, account_id=account_id)
        if rows.exists() != wanted:
            return
        with recording.opened(org=stream.organization_id, now=now, subjects=[account_id]) as act:
            if wanted:
                rows.delete()
            else:
                SignalExclusion.objects.create(organization_id=stream.organization_id, stream=stream, account_id=account_id)
                SignalEvent.objects.filter(stream=stream, account_id=account_id).delete()
            act.write([_draft(stream, "signals.subject_added" if wanted else "signals.subject_removed", person=account_id)])


def _account(stream: SignalStream, sub: str) -> UUID | None:
    """Whose identifier this is. It leads back to nobody by itself, so everybody whom the program knows is compared."""
    client = stream.application
    return next((one for one in everybody(service_id=client.service_id, installation_id=client.installation_id) if subject(account_id=one, application_id=client.id) == sub), None)


def _take(row: SignalStream, asked: Mapping[str, Any], *, whole: bool) -> None:
    if strange := sorted(set(asked) - KNOWN):
        raise Bad("invalid_request", f"{strange[0][:60]} is not a member of a stream configuration")
    if whole or "events_requested" in asked:
        kinds = asked.get("events_requested", [])
        if not isinstance(kinds, list) or len(kinds) > 50 or not all(isinstance(kind, str) and 0 < len(kind) <= 120 for kind in kinds):
            raise Bad("invalid_request", "events_requested is a list of at most 50 event types")
        row.events = list(dict.fromkeys(kinds))
    if whole or "description" in asked:
        words = asked.get("description", "")
        if not isinstance(words, str) or len(words) > 200 or not words.isprintable():
            raise Bad("invalid_request", "description is a text of at most 200 characters")
        row.description = words
    if "delivery" in asked or whole:
        _take_delivery(row, asked.get("delivery", {"method": POLL}))


def _take_delivery(row: SignalStream, delivery: object) -> None:
    if not isinstance(delivery, dict) or not isinstance(delivery.get("method"), str) or delivery["method"] not in METHODS:
        raise Bad("invalid_request", f"delivery.method is {PUSH} or {POLL}")
    if delivery["method"] == POLL:
        row.method, row.url, row.host, row.authorization = "poll", "", "", ""
        return
    url, header = delivery.get("endpoint_url"), delivery.get("authorization_header")
    if not isinstance(url, str) or len(url) > 500 or (words := receivers.problem(url, sample="https://events.example.com/in")):
        raise Bad("invalid_request", words if isinstance(url, str) and len(url) <= 500 else "delivery.endpoint_url is missing or too long")
    if header is not None and (not isinstance(header, str) or len(header) > 1000 or not header.isascii() or not header.isprintable()):
        raise Bad("invalid_request", "delivery.authorization_header is one line of at most 1000 characters")
    moved = url != row.url
    row.method, row.url, row.host = "push", url, receivers.shown(url)
    if header is not None or moved:  # a header that was meant for another address does not go to this one
        row.authorization = outbox.seal_text(header) if header else ""


def _draft(row: SignalStream, action: str, person: UUID | None = None, **facts: object) -> EntryDraft:
    client = row.application
    owner = TargetRef(type="service", id=client.service_id) if client.service_id else TargetRef(type="installation", id=client.installation_id) if client.installation_id else None
    about = [TargetRef(type="person", id=person, subject=person)] if person else []
    return EntryDraft(org=row.organization_id, action=action, category="signals", outcome="success", actor=ActorRef(type="client", id=client.id), via="api", facts=facts,
                      targets=[*about, *([owner] if owner else []), TargetRef(type="signal_stream", id=row.id)])
