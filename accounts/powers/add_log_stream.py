"""Add a log stream: from now on a system of the organization gets every entry (AUDIT section 6)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.x509 import load_pem_x509_certificates
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import receivers
from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers import log_streams, naming
from accounts.powers.log_streams import MOST, StartForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit import ocsf, outbound
from audit.models import Stream
from audit.streams import secrets
from audit.streams.sending import SYSLOG_PORT

KINDS = [("webhook", gettext_lazy("Webhook (HTTPS)")), ("syslog", gettext_lazy("Syslog over TLS")), ("file", gettext_lazy("Files on the server"))]
FORMATS = [("native", gettext_lazy("As in exports, with what proofs need")), ("ocsf", gettext_lazy("OCSF")), ("cloudevents", gettext_lazy("CloudEvents 1.0"))]
STARTS = [("now", gettext_lazy("with what is recorded from now on")), ("entry", gettext_lazy("after an entry"))]
_SAMPLE = "https://siem.example.com/in"


class AddForm(StartForm):
    """Where to, in which format, from where."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    kind = forms.ChoiceField(label=gettext_lazy("Way"), choices=KINDS, initial="webhook")
    url = forms.CharField(label=gettext_lazy("Address"), required=False, max_length=500,
                          help_text=gettext_lazy("For a webhook https://siem.example.com/in, for syslog siem.example.com:6514, for files nothing. It is shown and recorded without its path."))
    format = forms.ChoiceField(label=gettext_lazy("Format"), choices=FORMATS, initial="native")
    ocsf = forms.ChoiceField(label=gettext_lazy("Version of OCSF"), choices=[(v, v) for v in ocsf.VERSIONS], initial=ocsf.DEFAULT)
    names = forms.BooleanField(label=gettext_lazy("Send names, addresses and other personal values too"), required=False,
                               help_text=gettext_lazy("Without it they stay with us and the receiver gets commitments. What was sent cannot be erased there by us."))
    ca = forms.CharField(label=gettext_lazy("Certificate authority of the receiver (PEM)"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
                         help_text=gettext_lazy("Optional. Only certificates of this authority are then accepted, instead of those of the public ones."))
    start = forms.ChoiceField(label=gettext_lazy("Begin"), choices=STARTS, initial="now")
    field_order = ("name", "kind", "url", "format", "ocsf", "names", "ca", "start", "after")

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"])

    def clean_ca(self) -> str:
        text = str(self.cleaned_data["ca"]).strip()
        if text:
            try:
                load_pem_x509_certificates(text.encode())
                outbound.context(text)
            except (ValueError, OSError) as error:
                raise ValidationError(_("This is not a certificate in PEM format."), code="ca") from error
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        kind, url = cleaned.get("kind"), str(cleaned.get("url") or "").strip()
        if kind is None or "url" in self.errors:
            return cleaned
        problem = receivers.problem(url, sample=_SAMPLE) if kind == "webhook" else _syslog_problem(url) if kind == "syslog" else (_("Files have no address. Leave it empty.") if url else "")
        if problem:
            self.add_error("url", ValidationError(problem, code="address"))
        cleaned["url"] = url if kind != "syslog" or ":" in url.rpartition("]")[2] else f"{url}:{SYSLOG_PORT}"
        return cleaned


def _syslog_problem(url: str) -> str:
    try:
        parts = urlsplit(f"//{url}")
        port = parts.port
    except ValueError:
        return _("This is not an address.")
    if not url.isascii() or any(c.isspace() for c in url) or not parts.hostname or parts.netloc != url or parts.username is not None or port == 0:
        return _("Write a name and a port, such as siem.example.com:6514.")
    return receivers.private(parts.hostname)


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from log_streams.problems(actor, target, {})
    rows = Stream.objects.filter(org=target.id)
    if rows.count() >= MOST:
        yield "too_many_streams"
    if any(naming.key(str(data.get("name") or "")) == naming.key(name) for name in rows.values_list("name", flat=True)):
        yield "name_taken"
    if data.get("kind") == "file":
        if not settings.STREAM_FILES:
            yield "files_not_allowed"
        if rows.filter(kind="file").exists():
            yield "one_file_stream"
    if data.get("start") == "entry" and (data.get("after") or 0) > log_streams.size(target.id):
        yield "beyond_log"


def effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "sent", _("Every entry is sent in its order, at least once, and again until the receiver takes it."))]
    if data.get("kind", "webhook") == "webhook":
        found.append(Effect("later", "shown_once", _("The secret that the receiver checks signatures with is shown once.")))
    if data.get("names"):
        found.append(Effect("later", "names", _("Personal values leave this installation. An erasure here does not reach the receiver.")))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    kind, url, row_id = str(data.get("kind") or "webhook"), str(data.get("url") or ""), uuid.uuid4()
    secret = secrets.mint() if kind == "webhook" else None
    row = Stream(
        id=row_id, org=target.id, name=str(data["name"]), kind=kind, url=url, host=shown(kind, url), ca=str(data.get("ca") or ""), format=str(data.get("format") or "native"),
        ocsf=str(data.get("ocsf") or ocsf.DEFAULT), names=bool(data.get("names")), secret=secrets.seal(secret, stream=row_id) if secret else None, public_key=secret.public if secret else "",
        seq=int(data.get("after") or 0) if data.get("start") == "entry" else log_streams.size(target.id), created_at=work.now)
    work.add(row)
    work.note(target.id, _made=[row], _secret=secret.text if secret else "")


def shown(kind: str, url: str) -> str:
    """What of an address people may see: never its path, which some receivers use as a password."""
    if kind != "webhook":
        return url
    return receivers.shown(url)


POWER = Power(
    slug="add-log-stream", code="audit.stream_add", event="audit.stream_added", over="organization", permission="manage_settings", tier=2,
    form=AddForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Add a log stream"), button=gettext_lazy("Add the log stream"),
    does=gettext_lazy("Sends the entries of the audit log to a system of yours as they are recorded."),
    does_not=gettext_lazy("Changes nothing in the log. The receiver can write nothing here."),
    sentence=gettext_lazy("%(actor)s added the log stream “%(target)s”"),
)
