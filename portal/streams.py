"""Log streams as people and programs see them: state, lag, last error in words."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.reasons import NotFound
from accounts.work import plain
from audit.models import Stream, StreamAttempt

KINDS = {"webhook": gettext_lazy("Webhook"), "syslog": gettext_lazy("Syslog over TLS"), "file": gettext_lazy("Files on the server")}
FORMATS = {"native": gettext_lazy("as in exports"), "ocsf": "OCSF", "cloudevents": "CloudEvents 1.0"}
ERRORS: dict[str, str | Promise] = {
    "bad_address": gettext_lazy("The address cannot be used."),
    "name_not_found": gettext_lazy("The name of the receiver is not known to the name service."),
    "private_address": gettext_lazy("The name of the receiver leads to a private address. Whoever runs this installation can allow its network."),
    "plain_http": gettext_lazy("The receiver would be reached without encryption outside the allowed networks."),
    "unreachable": gettext_lazy("The receiver does not answer, or broke the connection off."),
    "tls_failed": gettext_lazy("The receiver’s certificate is not accepted: its authority, its name or its dates are wrong."),
    "too_slow": gettext_lazy("The receiver took longer than ten seconds."),
    "redirected": gettext_lazy("The receiver answered with a redirect. Redirects are not followed; give the final address."),
    "refused": gettext_lazy("The receiver refused the delivery."),
    "receiver_failed": gettext_lazy("The receiver reported an error of its own."),
    "busy": gettext_lazy("The receiver asked to be left alone for a while."),
    "gone": gettext_lazy("The receiver says that it is gone for good (410)."),
    "unconfirmed": gettext_lazy("The receiver did not confirm that it read everything before the connection ended."),
    "disk_full": gettext_lazy("The disk of the server is full."),
    "file_refused": gettext_lazy("The file cannot be written."),
    "files_not_allowed": gettext_lazy("This installation does not write logs into files."),
    "secret_unreadable": gettext_lazy("The stored secret cannot be read. Make a new one."),
}
STATES = {"idle": ("ok", "ok", gettext_lazy("Up to date")), "behind": ("info", "clock", gettext_lazy("Sending")), "failing": ("bad", "warn", gettext_lazy("Failing, tried again")),
          "paused": ("warn", "pause", gettext_lazy("Paused")), "gone": ("bad", "off", gettext_lazy("Paused: the receiver is gone"))}


@dataclass
class Health:
    """One stream and how it fares."""

    row: Stream
    lag: int
    oldest: datetime | None
    """When the oldest entry was recorded that the receiver does not have."""

    @property
    def state(self) -> str:
        if self.row.state == "paused":
            return "gone" if self.row.paused_why == "gone" else "paused"
        if self.row.failures:
            return "failing"
        return "behind" if self.lag else "idle"

    @property
    def badge(self) -> tuple[str, str, str | Promise]:
        return STATES[self.state]

    @property
    def kind(self) -> str | Promise:
        return KINDS[self.row.kind]

    @property
    def format(self) -> str:
        return f"OCSF {self.row.ocsf}" if self.row.format == "ocsf" else str(FORMATS[self.row.format])

    @property
    def error(self) -> str:
        return error(self.row.last_error, self.row.last_status)

    @property
    def old_until(self) -> datetime | None:
        return self.row.old_until if self.row.old_until and self.row.old_until > timezone.now() else None


def error(code: str, status: int | None) -> str:
    """What went wrong, in words, with the status that the receiver answered."""
    if not code:
        return ""
    words = str(ERRORS[code])
    return _("%(words)s It answered %(status)d.") % {"words": words, "status": status} if status and code != "gone" else words


def healths(organization_id: UUID, *, only: UUID | None = None) -> list[Health]:
    """The streams of an organization by name, with how far each is behind."""
    rows = Stream.objects.filter(org=organization_id).order_by("name")
    found = list(rows.filter(id=only) if only else rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT s.id, GREATEST(t.size - s.seq, 0), (SELECT l.recorded_at FROM audit_leaf l WHERE l.org = s.org AND l.seq = s.seq + 1)"
                       " FROM audit_stream s LEFT JOIN audit_tree t ON t.org = s.org WHERE s.org = %s", [organization_id])
        lags = {row[0]: (row[1] or 0, row[2]) for row in cursor.fetchall()}
    return [Health(row, *lags.get(row.id, (0, None))) for row in found]


def one(organization_id: UUID, stream_id: UUID) -> Health:
    """One stream, or NotFound."""
    found = healths(organization_id, only=stream_id)
    if not found:
        raise NotFound
    return found[0]


def attempts(stream: Stream) -> list[StreamAttempt]:
    """The last attempts, newest first."""
    return list(StreamAttempt.objects.filter(stream=stream.id, org=stream.org).order_by("-id")[:50])


def ask_test(stream: Stream, *, now: datetime) -> None:
    """Have a test delivery made. Asked twice before it was made, it is made once."""
    Stream.objects.filter(id=stream.id, org=stream.org, test_asked_at=None).update(test_asked_at=now)


def as_json(health: Health) -> dict[str, Any]:
    """A stream as the API shows it: never its secret, nor the path of its address."""
    row = health.row
    return {
        "id": str(row.id), "name": row.name, "kind": row.kind, "host": row.host, "format": row.format, "ocsf": row.ocsf, "names": row.names, "public_key": row.public_key, "state": health.state,
        "after": row.seq, "lag": health.lag, "oldest_waiting": plain(health.oldest), "failures": row.failures, "failing_since": plain(row.failing_since), "next_try": plain(row.next_try),
        "last_success": plain(row.last_success), "last_error": row.last_error, "last_status": row.last_status, "last_error_at": plain(row.last_error_at),
        "old_secret_until": plain(health.old_until), "test_waiting": row.test_asked_at is not None, "created_at": plain(row.created_at)}


def attempt_json(row: StreamAttempt) -> dict[str, Any]:
    return {"at": plain(row.at), "first": row.first, "last": row.last, "count": row.count, "error": row.code, "status": row.status, "milliseconds": row.took, "test": row.test}
