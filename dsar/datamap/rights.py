"""What `dsar` keeps about people: what they asked for."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, WORKINGS, Subject, Unit, data, none, secret

UNITS: tuple[Unit, ...] = (
    Unit(
        table="dsar_copy",
        title=_("Copies asked for"),
        about=(Subject("account_id"),),
        purpose="rights",
        source=("person",),
        recipients=("person",),
        keeping="account",
        scope="organization_id",
        columns={
            "id": ID,
            "version": COUNT,
            "account_id": data("user.unique_id"),
            "organization_id": data("user.workplace"),
            "requested_by": data("user.history", export="others"),
            "state": data("user.privacy_preferences"),
            "language": data("user.account.settings"),
            "asked_at": data("user.privacy_preferences"),
            "snapshot_at": data("user.privacy_preferences"),
            "ready_at": data("user.privacy_preferences"),
            "expires_at": data("user.privacy_preferences"),
            "downloads": data("user.privacy_preferences"),
            "size": data("user.privacy_preferences"),
            "sha256": none("a hash of the file that was made"),
            "manifest": none("a hash of the list of its files"),
            "counts": data("user.privacy_preferences"),
            "key": secret("user.authorization.credentials"),
            "failure": WORKINGS,
            "attempts": WORKINGS,
        },
    ),
)
