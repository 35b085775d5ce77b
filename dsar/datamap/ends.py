"""From which moment the time of each kind of data counts, and what becomes of it then: what rules about retention are made over (RIGHTS 4a, 4d).

What lives as long as an account, a membership or an organization ends with it, and no rule reaches it. The audit log has rules of its own (`audit/retention.py`).
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import Words

TRIGGERS: dict[str, Words] = {
    "end": _("when it was over"),
    "made": _("when it was made"),
    "used": _("when it was last used"),
}
"""Moments from which a period may count. Whatever a rule counts from, nothing goes before it is over."""


@dataclass(frozen=True)
class Part:
    """Rows of another table that go with it, or a reference to it that is emptied."""

    table: str
    column: str
    how: Literal["delete", "null"] = "delete"


@dataclass(frozen=True, kw_only=True)
class End:
    """When one kind of data is over, as SQL over its columns, and what becomes of it."""

    clocks: Mapping[str, str]
    """By trigger. `end` is null while it is in use."""
    said: Mapping[str, Words] = field(default_factory=dict)
    """What a trigger means for this kind, where the general words say too little."""
    action: Literal["delete", "deidentify"] = "delete"
    """What the installation does with it when its time is over, and the most that a rule may do."""
    whose: str = ""
    """The column that names the organization whose rules count, where the map has no scope."""
    manager: str = ""
    """The column of the account: the rules of the organization that manages it count. Of accounts that nobody manages the installation's own periods do."""
    label: str = ""
    """The column whose value is the label by which a rule may choose some of the rows."""
    parts: tuple[Part, ...] = ()
    """In the order in which they go."""
    counted: str = ""
    """SQL for what stays of rows that go, as codes with their number: a query with %s for the rows' ids."""


_SESSION = "COALESCE(ended_at, (SELECT s.expire_date FROM django_session s WHERE s.session_key = accounts_session.session_key), last_seen_at)"
_OF_CASE = (Part("dsar_inquiry", "case_id", "null"), Part("dsar_relay", "case_id", "null"),
            *(Part(table, "case_id") for table in ("dsar_evidence", "dsar_agent", "dsar_happening", "dsar_task", "dsar_action")))


def _credential(end: str, said: Words, *, made: bool = True, pointed_at: tuple[str, str] | None = None) -> End:
    """What the OAuth provider keeps: rows that may point at each other."""
    return End(clocks={"end": end, **({"made": "created"} if made else {})}, said={"end": said}, manager="user_id", parts=(Part(*pointed_at, "null"),) if pointed_at else ())


ENDS: dict[str, End] = {
    "accounts_session": End(clocks={"end": _SESSION, "made": "started_at", "used": "last_seen_at"}, said={"end": _("when it ended, or nobody used it any more")}, manager="account_id",
                            label="ended_reason", parts=(Part("accounts_programsession", "session_id", "null"),)),
    "accounts_mail": End(clocks={"end": "CASE WHEN state <> 'due' THEN created_at END"}, said={"end": _("when the mail was written")}, whose="organization_id", label="template"),
    "accounts_plan": End(clocks={"end": "finished_at", "made": "created_at"}, said={"end": _("when the plan ended")}, action="deidentify", label="power",
                         parts=(Part("accounts_planrow", "plan_id"),)),
    "accounts_apitoken": End(clocks={"end": "COALESCE(ended_at, expires_at)", "made": "created_at", "used": "COALESCE(last_used_at, created_at)"},
                             said={"end": _("when it ended")}),
    "accounts_appgrant": End(clocks={"end": "ended_at", "made": "granted_at"}, said={"end": _("when it ended")}),
    "accounts_apprequest": End(clocks={"end": "ended_at", "made": "asked_at"}, said={"end": _("when it was answered or taken back")}, label="outcome"),
    "accounts_programsession": End(clocks={"end": "ended_at", "made": "started_at", "used": "COALESCE(last_used_at, started_at)"}, said={"end": _("when it ended")}, label="ended_why"),
    "accounts_logoutcall": End(clocks={"end": "finished_at", "made": "made_at"}, said={"end": _("when the program was told")}, label="last_error"),
    "accounts_membershipsnapshot": End(clocks={"end": "taken_at"}, said={"end": _("when the person was removed")}),
    "accounts_profilechange": End(clocks={"end": "told_at", "made": "changed_at"}, said={"end": _("when the person was told")}, label="field"),
    "accounts_profilesuggestion": End(clocks={"end": "suggested_at"}, said={"end": _("when it was suggested")}, label="field"),
    "accounts_valuedispute": End(clocks={"end": "CASE WHEN NOT away THEN answered_at END", "made": "opened_at"}, said={"end": _("when it was answered")}, label="field"),
    "accounts_addresschange": End(clocks={"end": "finished_at", "made": "created_at"}, said={"end": _("when the change was finished")}, label="kind"),
    "accounts_releasedaddress": End(clocks={"end": "released_at"}, said={"end": _("when the address was given up")}),
    "accounts_dispute": End(clocks={"end": "lifted_at", "made": "since"}, said={"end": _("when it was settled")}),
    "accounts_rightsrequest": End(clocks={"end": "answered_at", "made": "asked_at"}, said={"end": _("when it was answered")}, label="kind"),
    "accounts_rightsvisit": End(clocks={"end": "COALESCE(until, link_until)"}, said={"end": _("when the visit ended")}),
    "accounts_rightsask": End(clocks={"end": "asked_at"}),
    "accounts_idempotencykey": End(clocks={"end": "created_at"}),
    "account_emailconfirmation": End(clocks={"end": "created"}),
    "dsar_accountreport": End(clocks={"end": "decided_at", "made": "received_at"}, said={"end": _("when it was decided")}),
    "dsar_childreport": End(clocks={"end": "asked_at"}),
    "dsar_inquiry": End(clocks={"end": "asked_at"}),
    "dsar_copy": End(clocks={"end": "CASE WHEN state IN ('ended', 'failed') THEN COALESCE(expires_at, asked_at) END", "made": "asked_at"}, said={"end": _("when it could not be fetched any more")}),
    "dsar_relaynonce": End(clocks={"end": "seen_at"}),
    "dsar_relay": End(clocks={"end": "answered_at", "made": "asked_at"}, said={"end": _("when it was answered")}, label="type"),
    "dsar_restriction": End(clocks={"end": "lifted_at", "made": "began_at"}, said={"end": _("when it was lifted")}, label="trigger"),
    "dsar_case": End(
        clocks={"end": "closed_at", "made": "received_at"}, said={"end": _("when the request was closed"), "made": _("when the request came in")}, label="channel", parts=_OF_CASE,
        counted='SELECT "right", outcome, ground, count(*) FROM dsar_action WHERE case_id = ANY(%s) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3'),
    "oauth2_provider_accesstoken": _credential("expires", _("when it expired"), pointed_at=("oauth2_provider_refreshtoken", "access_token_id")),
    "oauth2_provider_refreshtoken": _credential("revoked", _("when it was revoked"), pointed_at=("oauth2_provider_accesstoken", "source_refresh_token_id")),
    "oauth2_provider_grant": _credential("expires", _("when it expired")),
    "oauth2_provider_idtoken": _credential("expires", _("when it expired"), pointed_at=("oauth2_provider_accesstoken", "id_token_id")),
    "oauth2_provider_devicegrant": _credential("expires", _("when it expired"), made=False),
}

WITH_ANOTHER = {part.table: table for table, end in ENDS.items() for part in end.parts if part.how == "delete"} | {"django_session": "accounts_session"}
"""What has no time of its own: it goes with the row that it belongs to. What the browser session remembers is deleted when the session ends, or expires by itself."""
ELSEWHERE = {
    "log": "how long the audit log is kept is agreed in the log itself, and audit/pruning.py removes it",
    "technical": "what the software needs to finish its own work, such as destroying a key; it goes with that work",
}
"""Keeping classes with a period that something else carries out."""
