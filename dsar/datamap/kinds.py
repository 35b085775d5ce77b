"""The words in which personal data is declared: what a column is, whom it is about, why it is kept, what becomes of it (RIGHTS section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise
Role = Literal["subject", "actor", "recipient", "mentioned"]
Export = Literal["yes", "exists", "others", "no"]
"""yes: with its value. exists: that it exists, never its value (secrets). others: other people in it become "Person N". no: not about the person, or not theirs to have."""
Erase = Literal["delete", "blank", "null", "pseudonym", "keep"]
"""delete: goes with its row. blank, null: the value goes, the row stays. pseudonym: replaced by something that leads to nobody. keep: stays, on a stated ground."""


@dataclass(frozen=True)
class Column:
    """One column. Either it has a category of personal data, or `why` says why it has none."""

    category: str = ""
    why: str = ""
    export: Export = "no"
    erase: Erase = "keep"
    ground: str = ""
    """Why it stays, where it stays although somebody is erased."""
    reviewed: str = ""
    """Why a column that sounds personal is none: a second look, written down."""


@dataclass(frozen=True)
class Subject:
    """Whom a row is about: the way from its column to an account, and in which role they stand there.

    `path` is a column that holds an account's id, or `column -> table.column` hops: `membership_id -> accounts_membership.account_id`.
    """

    path: str
    role: Role = "subject"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One table that holds something about people."""

    table: str
    title: Words
    about: tuple[Subject, ...]
    purpose: str
    source: tuple[str, ...]
    recipients: tuple[str, ...]
    keeping: str
    columns: Mapping[str, Column]
    scope: str = ""
    """The column that names the organization; '' where the row belongs to the person alone or to the installation."""
    erase: Literal["delete", "change", "keep"] = "delete"
    """What becomes of the whole row when its subject is erased."""
    untold: str = ""
    """A column that is true for rows of which the person is told later, on a ground: until then they are not counted and in no copy."""
    sole: bool = False
    """Whether it is under the person's sole control (portability, policy B2)."""


@dataclass(frozen=True)
class Nothing:
    """A table that holds nothing about people, and why."""

    table: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Store:
    """Somewhere outside the tables where personal data is, or could be."""

    name: str
    title: Words
    holds: Words
    category: tuple[str, ...]
    purpose: str
    keeping: str
    export: Words
    erase: Words
    stays: bool = False
    """Whether something of a person who was erased may be left in it; `erase` says why."""


@dataclass(frozen=True)
class Purpose:
    """Why data is used, and on which legal basis (GDPR Art. 6(1), by letter)."""

    title: Words
    basis: Literal["a", "b", "c", "d", "e", "f"]
    text: Words


@dataclass(frozen=True)
class Keeping:
    """How long: from which moment on, for how long by default, and at most (days; None: as long as the account lives)."""

    title: Words
    trigger: Words
    days: int | None
    ceiling: int | None
    ground: Words = ""
    """Needed where there is no ceiling."""


def data(category: str, *, export: Export = "yes", erase: Erase = "delete", ground: str = "") -> Column:
    """A column about the person."""
    return Column(category=category, export=export, erase=erase, ground=ground)


def secret(category: str) -> Column:
    """Something that proves who one is: it exists, and is never exported."""
    return Column(category=category, export="exists", erase="delete")


def none(why: str, *, reviewed: str = "") -> Column:
    """A column that says nothing about anybody."""
    return Column(why=why, reviewed=reviewed)


ID = none("a random number that says nothing by itself")
COUNT = none("counts changes, so that two people do not overwrite each other")
REFERENCE = none("refers to something of the organization, not to a person")
WORKINGS = none("how the software does its work, such as when it tries again")
ORDER = none("when a row was made, which its order needs")

ACCOUNT = data("user.account", export="yes", erase="delete")

CATEGORIES: dict[str, Words] = {
    "user.account": _("Account and its state"),
    "user.account.settings": _("Settings"),
   
    "user.authorization": _("Credentials"),
    "user.authorization.password": _("Password, as a hash"),
    "user.authorization.credentials": _("Second factors, tokens and recovery codes"),
    "user.behavior": _("When something was last used"),
    "user.contact.email": _("E-mail addresses"),
    "user.content.private": _("Messages and notes"),
    "user.device": _("Browsers and devices"),
    "user.device.ip_address": _("Network addresses"),
    "user.job_title": _("Title at work"),
    "user.name": _("Name"),
    "user.privacy_preferences": _("Privacy choices and notices read"),
    "user.unique_id": _("Random numbers that stand for the person"),
    "user.workplace": _("Organizations, departments, roles and groups"),
    "user.history": _("Acts in the audit log"),
}
"""Fideslang 3 keys; `user.history` is ours: the audit log's acts."""

PURPOSES: dict[str, Purpose] = {
    "account": Purpose(_("Having an account"), "b", _("To let you sign in, and to let your organizations know who you are.")),
    "sign_in": Purpose(_("Signing in safely"), "f", _("To keep others out of your account and to let you see where you are signed in.")),
    "administration": Purpose(_("Running the organization’s accounts"), "f", _("So that an organization can give, limit and end access to its services.")),
    "management": Purpose(
        _("Managing accounts"), "f", _("So that an organization that owns the domain of an address, or made the account, can answer for it.")
    ),
    "notices": Purpose(_("Telling people what happened"), "c", _("To tell people what was done to their accounts, as the law and our policy demand.")),
    "record": Purpose(_("The audit log"), "c", _("To prove who did what to whom, and to hold administrators to account.")),
    "rights": Purpose(_("Answering requests"), "c", _("To answer people who use their rights, and to prove that we did.")),
    "communications": Purpose(
        _("News and tips"),
        "f",
        _("To tell members what is new and how to get more out of their services: news until you switch them off, tips only if you switched them on."),
    ),
    "integration": Purpose(_("Connected programs"), "f", _("So that programs can do for people and organizations what those allowed.")),
}

KEEPING: dict[str, Keeping] = {
    "account": Keeping(
        _("While the account lives"), _("until the account is deleted"), None, None, _("Needed for as long as there is an account; deletion ends it.")
    ),
    "membership": Keeping(
        _("While the membership lives"),
        _("until the membership is removed or the account deleted"),
        None,
        None,
        _("The organization decides how long somebody is a member."),
    ),
    "snapshot": Keeping(_("90 days"), _("after removal from an organization"), 90, 90),
    "quarantine": Keeping(_("30 days"), _("after the address was given up"), 30, 30),
    "told": Keeping(_("90 days"), _("after the person was told"), 90, 90),
    "answered": Keeping(_("Until the request is answered"), _("with the answer"), None, None, _("It shows what is right, and nobody needs it longer than the question is open.")),
    "suggested": Keeping(_("30 days"), _("after it was suggested"), 30, 30),
    "session": Keeping(_("While signed in, then 90 days"), _("after the session ended"), 90, 365),
    "mail": Keeping(_("One year"), _("after the mail was written"), 365, 1095),
    "plan": Keeping(_("30 days"), _("after the plan ended"), 30, 30),
    "day": Keeping(_("24 hours"), _("after the request"), 1, 1),
    "token": Keeping(_("While the token is valid, then 90 days"), _("after it ended"), 90, 365),
    "sent": Keeping(_("7 days"), _("after the program was told, or could not be"), 7, 7),
    "log": Keeping(_("As long as the organization agreed, at most ten years"), _("after the act"), 2557, 3653),
    "organization": Keeping(
        _("While the organization lives"),
        _("until the organization is deleted"),
        None,
        None,
        _("Published or needed for as long as there is the organization."),
    ),
    "register": Keeping(
        _("For good, with numbers that lead to nobody"),
        _("from the request on"),
        None,
        None,
        _("Who got data of people, and why, has to be provable (Art. 5(2) GDPR); what somebody is told of it goes with their account."),
    ),
    "objection": Keeping(
        _("For as long as the organization could write"),
        _("until you switch it on again, or the organization is gone"),
        None,
        None,
        _("Without it whoever objected, and was deleted, would be written to again (Art. 17(3)(b) with Art. 21(3) GDPR)."),
    ),
    "case": Keeping(_("Three years, then only codes and counts"), _("after the request was closed"), 1096, 2192),
    "technical": Keeping(_("30 days"), _("after it was written"), 30, 90),
}

RECIPIENTS: dict[str, Words] = {
    "person": _("you"),
    "administrators": _("administrators of your organization"),
    "members": _("members of your organization"),
    "auditors": _("whoever may read the audit log of your organization"),
    "operator": _("the operator of this installation"),
    "apps": _("apps that your organization installed"),
    "everybody": _("everybody who can open the page"),
}
SOURCES: dict[str, Words] = {
    "person": _("given by you"),
    "administrator": _("given by an administrator"),
    "directory": _("given by your organization’s directory"),
    "observed": _("noticed while you use the portal"),
    "derived": _("worked out from other data"),
}


@dataclass(frozen=True)
class DataMap:
    """The whole map."""

    units: tuple[Unit, ...]
    nothing: tuple[Nothing, ...]
    stores: tuple[Store, ...]
    by_table: Mapping[str, Unit] = field(default_factory=dict)

    @property
    def tables(self) -> set[str]:
        return {unit.table for unit in self.units} | {one.table for one in self.nothing}
