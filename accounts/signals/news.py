"""From the log to the streams: what an entry means to the programs that know the person, put down once for each."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator

from accounts.models import Membership, SignalEvent, SignalExclusion, SignalStream
from accounts.oauth.subjects import subject
from accounts.signals.known import known, persons
from accounts.signals.mapping import MAPPING, PURGED, Meaning, Signal
from audit.subscribers import Sealed, Subscriber


def handle(batch: list[Sealed]) -> None:
    """Runs in the transaction that moves the cursor. Streams that are paused keep what happens; disabled ones do not (SSF 1.0, section 8.1.2)."""
    now = datetime.now(UTC)
    for sealed in batch:
        if sealed.outcome != "success":
            continue
        people, at = persons(sealed.record.get("targets", [])), datetime.fromisoformat(sealed.record["occurred_at"])
        meaning = MAPPING[sealed.action]
        for stream in _streams(sealed.org, meaning, people):
            if at < stream.created_at:
                continue
            if sealed.action == "account.purged":
                _release(stream, sealed, people, now)
            else:
                SignalEvent.objects.bulk_create(list(_events(stream, sealed, meaning, people, at, now)), ignore_conflicts=True)


def _streams(org: UUID, meaning: Meaning, people: list[UUID]) -> list[SignalStream]:
    """The streams that could be concerned: those of the log's organization, or, if the account itself changed, of every organization where the person is or was."""
    rows = SignalStream.objects.filter(status__in=("enabled", "paused")).select_related("application").order_by("id")
    if meaning.reach == "organization":
        return list(rows.filter(organization_id=org))
    return list(rows.filter(organization__in=Membership.objects.filter(account_id__in=people).values("organization_id"))) if people else []


def _events(stream: SignalStream, sealed: Sealed, meaning: Meaning, people: list[UUID], at: datetime, now: datetime) -> Iterable[SignalEvent]:
    theirs = known(people, service_id=stream.application.service_id, installation_id=stream.application.installation_id, at=at)
    theirs -= set(SignalExclusion.objects.filter(stream=stream, account_id__in=theirs).values_list("account_id", flat=True))
    for account_id in sorted(theirs):
        sub = subject(account_id=account_id, application_id=stream.application_id)
        for signal in meaning.signals:
            if signal.kind in stream.events and applies(signal, account_id):
                yield SignalEvent(organization_id=stream.organization_id, stream=stream, entry=sealed.entry, account_id=account_id, sub=sub, kind=signal.kind, at=at, issued_at=now,
                                  claims={"event_timestamp": int(at.timestamp()), "initiating_entity": initiator(sealed.record, account_id), **signal.claims})


def applies(signal: Signal, account_id: UUID) -> bool:
    """Whether the level really changed: a second passkey raises nothing."""
    if signal.when == "always":
        return True
    factors = Authenticator.objects.filter(user_id=account_id).exclude(type=Authenticator.Type.RECOVERY_CODES).count()
    return factors == (1 if signal.when == "first_factor" else 0)


def initiator(record: dict[str, Any], account_id: UUID) -> str:
    """Who brought it about, in the four words of CAEP 1.0, section 2."""
    actor = record.get("actor", {})
    if actor.get("type") == "schedule":
        return "policy"
    if actor.get("id") == str(account_id):
        return "user"
    return "admin" if actor.get("id") or actor.get("type") in {"organization", "operator"} else "system"


def _release(stream: SignalStream, sealed: Sealed, people: list[UUID], now: datetime) -> None:
    """The last event about somebody who was deleted leaves; it was put down while it was still known who knew them."""
    subs = [subject(account_id=one, application_id=stream.application_id) for one in people]
    SignalEvent.objects.filter(stream=stream, sub__in=subs, kind=PURGED, state="held").update(state="due", entry=sealed.entry, issued_at=now)


SUBSCRIBER = Subscriber(name="signals", handle=handle, actions=frozenset(MAPPING))
