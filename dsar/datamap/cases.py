"""Requests of people: the case file is personal data itself, and stands in the person's next copy (RIGHTS 3g)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, WORKINGS, Subject, Unit, data, none, secret

_ASKED = "that a request was made and answered in time has to be provable; not by whom"


def _kept(category: str = "user.privacy_preferences", *, others: bool = False) -> object:
    return data(category, export="others" if others else "yes", erase="keep", ground=_ASKED)


_WHOSE = {"id": ID, "version": COUNT, "organization_id": _kept("user.workplace"), "account_id": _kept("user.unique_id")}


def _unit(table: str, title: object, actors: tuple[Subject, ...], columns: dict[str, object], *, version: bool = True) -> Unit:
    own = {name: column for name, column in _WHOSE.items() if version or name != "version"}
    return Unit(table=table, title=title, about=(Subject("account_id"), *actors), purpose="rights", source=("person", "administrator"), recipients=("person", "administrators"), keeping="case",  # type: ignore[arg-type]
                scope="organization_id", erase="change", columns={**own, **columns})  # type: ignore[dict-item]


UNITS: tuple[Unit, ...] = (
    _unit("dsar_case", _("Requests about rights"), (Subject("decided_by", "actor"), Subject("recorded_by", "actor"), Subject("barred", "mentioned"), Subject("assigned", "actor")), {
        "reference": _kept(),
        "channel": _kept(),
        "state": _kept(),
        "words": data("user.content.private", erase="blank"),
        "level": _kept(),
        "regimes": _kept(),
        "country": none("where the organization sits, for its public holidays"),
        "time_zone": none("in which zone the organization's days end"),
        "received_at": _kept(),
        "statutory_due": _kept(),
        "internal_target": _kept(),
        "extension_notice_by": _kept(),
        "warned_at": WORKINGS,
        "decided_by": _kept("user.history", others=True),
        "recorded_by": _kept("user.history", others=True),
        "barred": _kept("user.history", others=True),
        "assigned": _kept("user.history", others=True),
        "assigned_by_person": _kept(),
        "plan": _kept(),
        "plan_hash": none("a hash of the counts in the plan"),
        "not_before": _kept(),
        "closed_at": _kept(),
        "reminder": WORKINGS,
    }),
    _unit("dsar_action", _("Rights that were asked for"), (), {
        "case_id": REFERENCE,
        "right": _kept(),
        "verified": _kept(),
        "outcome": _kept(),
        "ground": _kept(),
        "decided_at": _kept(),
    }),
    _unit("dsar_task", _("Work for requests about rights"), (), {
        "case_id": REFERENCE,
        "action_id": REFERENCE,
        "kind": _kept(),
        "state": _kept(),
        "refers": REFERENCE,
        "failure": WORKINGS,
        "attempts": WORKINGS,
        "done_at": _kept(),
    }),
    _unit("dsar_happening", _("What happened to requests about rights"), (Subject("actor", "actor"),), {
        "case_id": REFERENCE,
        "at": _kept(),
        "event": _kept(),
        "by": _kept(),
        "actor": _kept("user.history", others=True),
        "code": _kept(),
        "words": data("user.content.private", export="others", erase="blank"),
        "facts": _kept(others=True),
    }, version=False),
    _unit("dsar_relay", _("What services and apps were asked about somebody’s data, and what they answered"), (), {
        "responder_id": REFERENCE,
        "case_id": REFERENCE,
        "cause": REFERENCE,
        "type": _kept(),
        "way": none("by which way the program was reached"),
        "state": _kept(),
        "code": _kept(),
        "asked_at": _kept(),
        "respond_by": _kept(),
        "expected_on": _kept(),
        "attempts": WORKINGS,
        "first_try": WORKINGS,
        "next_try": WORKINGS,
        "problem": WORKINGS,
        "told_at": _kept(),
        "seen_at": WORKINGS,
        "answered_at": _kept(),
        "how": none("by which way the answer came"),
        "overdue_at": _kept(),
        "receipt": none("a hash of the signed text of the answer"),
        "answer": data("user.content.private", export="exists", erase="null"),
    }),
    Unit(table="dsar_evidence", title=_("Files with which the person shows what is right"), about=(Subject("account_id"),), purpose="rights", source=("person",), recipients=("administrators",),
         keeping="answered", scope="organization_id", columns={
        "id": ID,
        "case_id": REFERENCE,
        "organization_id": data("user.workplace"),
        "account_id": data("user.unique_id"),
        "kind": data("user.content.private"),
        "size": data("user.content.private"),
        "sealed": secret("user.content.private"),
        "added_at": data("user.history"),
    }),
    Unit(table="dsar_accountreport", title=_("Reports that an account in no organization is a child’s"), about=(Subject("account_id"),), purpose="rights", source=("person",),
         recipients=("person", "operator"), keeping="account", columns={
             "id": ID, "version": COUNT, "account_id": data("user.unique_id"), "reference": data("user.privacy_preferences"),
             "words": data("user.content.private", export="no", ground="somebody else wrote it, who is not to be recognized by their words"),
             "state": data("user.privacy_preferences"), "restricts": data("user.privacy_preferences"), "received_at": data("user.privacy_preferences"), "due_at": data("user.privacy_preferences"),
             "reminded_at": WORKINGS, "answer": data("user.content.private"), "answered_at": data("user.privacy_preferences"), "ground": data("user.privacy_preferences"),
             "decided_at": data("user.privacy_preferences"),
         }),
    Unit(table="dsar_childreport", title=_("Reports that an account is a child’s, until somebody has looked whose it is"), about=(), purpose="rights", source=("person",), recipients=(), keeping="day",
         columns={"id": ID, "said": secret("user.content.private"), "asked_at": ORDER}),
    Unit(table="dsar_agent", title=_("Who acts for somebody in a request"), about=(Subject("account_id"),), purpose="rights", source=("person", "administrator"),
         recipients=("person", "administrators"), keeping="case", scope="organization_id", columns={
        "id": ID,
        "version": COUNT,
        "case_id": REFERENCE,
        "organization_id": data("user.workplace"),
        "account_id": data("user.unique_id"),
        "name": data("user.name", export="others"),
        "email": data("user.contact.email", export="others"),
        "authority": data("user.privacy_preferences"),
        "state": data("user.privacy_preferences"),
        "letters": data("user.privacy_preferences"),
        "mailbox_confirmed_at": data("user.privacy_preferences"),
        "confirmed_at": data("user.privacy_preferences"),
        "method": data("user.privacy_preferences"),
    }),
    Unit(table="dsar_calendarlink", title=_("Calendar links to the dates of requests"), about=(Subject("account_id"),), purpose="rights", source=("administrator",), recipients=("person",),
         keeping="account", scope="organization_id", columns={
        "id": ID,
        "organization_id": data("user.workplace"),
        "account_id": data("user.unique_id"),
        "secret_hash": secret("user.authorization.credentials"),
        "auth_epoch": WORKINGS,
        "access_epoch": WORKINGS,
        "made_at": ORDER,
    }),
    Unit(table="dsar_inquiry", title=_("Requests without a session, until their code is typed"), about=(Subject("account_id"),), purpose="rights", source=("person",), recipients=("person",),
         keeping="day", columns={
        "id": ID,
        "said": secret("user.content.private"),
        "browser_hash": secret("user.authorization.credentials"),
        "account_id": data("user.unique_id"),
        "organization_id": data("user.workplace"),
        "case_id": REFERENCE,
        "code_hash": secret("user.authorization.credentials"),
        "code_until": data("user.behavior"),
        "tries": WORKINGS,
        "asked_at": ORDER,
        "until": data("user.behavior"),
    }),
)
