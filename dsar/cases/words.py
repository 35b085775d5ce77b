"""What happens to a request, in words: for the audit log, for the timeline that everybody understands, and the grounds that may be given."""
from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from dsar.cases.models import ASKABLE, Action

SENTENCES = {
    "case.received": _("%(target)s asked for what is theirs by right"), "case.reported": _("Somebody reported that the account of %(target)s is a child’s"),
    "case.reported_again": _("Somebody reported again that the account of %(target)s is a child’s, which had been checked"),
    "case.rebutted": _("%(actor)s showed that the account of %(target)s is not a child’s, or may be one"),
    "case.unrebutted": _("Nobody said anything against the report that the account of %(target)s is a child’s: its deletion is scheduled"),
    "case.ask_identity": _("%(target)s was asked to prove that they made a request"),
    "case.proven": _("It is known that %(target)s made a request"), "case.closed_unverified": _("A request of %(target)s was closed, because nobody proved who asked"),
    "case.reminded": _("%(target)s was reminded that a request waits for a proof of who asked"),
    "case.downgraded": _("Instead of a deletion, %(target)s asked for no mail and no use beyond what is needed"),
    "case.admitted": _("A request of %(target)s was taken in"), "case.ask": _("%(actor)s asked %(target)s about their request"),
    "case.answered": _("%(target)s answered a question about their request"),
    "case.transferred": _("A request of %(target)s was handed to whoever is responsible"), "case.merged": _("A request of %(target)s joined an earlier one"),
    "case.refused": _("%(actor)s refused a request of %(target)s"), "case.planned": _("What a request of %(target)s takes was planned"),
    "case.approved": _("%(actor)s agreed to a request of %(target)s"),
    "case.scheduled": _("A request of %(target)s got its date"), "case.withdrawn": _("%(target)s withdrew a request"), "case.started": _("A request of %(target)s began to be carried out"),
    "case.moved": _("Something changed, so a request of %(target)s is planned again"), "case.fanned_out": _("Others who hold data were told of a request of %(target)s"),
    "case.blocked": _("Something stands in the way of a request of %(target)s"), "case.retried": _("A request of %(target)s is tried again"),
    "case.by_hand": _("%(actor)s did by hand what a request of %(target)s takes"),
    "case.built": _("What %(target)s asked for was made, and waits for a look"), "case.released": _("%(actor)s released what %(target)s asked for"),
    "case.fetch_code": _("%(actor)s made a code with which %(target)s can fetch what they asked for"),
    "case.fetch_code_wrong": _("A wrong code was given to fetch what %(target)s asked for"),
    "case.delivered": _("%(target)s fetched what they asked for"), "case.package_expired": _("What %(target)s asked for was not fetched in time"),
    "case.expires_soon": _("%(target)s was told that what they asked for is there for one day more"), "case.asked_again": _("%(target)s asked that a copy be made once more"),
    "case.made_again": _("What %(target)s asked for was made once more"), "case.not_made_again": _("What %(target)s asked for could not be made once more"),
    "case.fulfilled": _("A request of %(target)s was granted"), "case.fulfilled_in_part": _("A request of %(target)s was granted in part"),
    "case.extend": _("%(actor)s took more time for a request of %(target)s"), "case.warned": _("A request of %(target)s is due soon"),
    "case.breached": _("A request of %(target)s was not answered in time"),
    "case.disputed": _("%(target)s disagrees with an answer"), "case.upheld": _("%(actor)s looked at an answer to %(target)s again, and it stays"),
    "case.reversed": _("%(actor)s looked at an answer to %(target)s again, and reversed it"), "case.resumed": _("The rest of a request of %(target)s is carried out"),
    "case.barred": _("%(target)s asked that an administrator does not handle their request"),
    "case.added": _("%(target)s added to a request"), "case.evidence_read": _("%(actor)s fetched a file that %(target)s added to a request"),
    "case.assigned": _("It was settled who handles a request of %(target)s"),
    "case.agent_confirmed": _("It is known that somebody acts for %(target)s in a request"), "case.agent_mailbox": _("The mailbox of whoever acts for %(target)s was confirmed"),
    "case.agent_ended": _("Somebody does not act for %(target)s in a request any more"),
    "case.linked": _("A deletion that %(target)s asked for belongs to their earlier request"),
    "case.certified": _("What %(target)s asked to be deleted is gone from backups too"),
}
"""For administrators."""
TIMELINE = {
    "reported": _("Somebody reported that this account is a child’s. Until that is checked, what is held about you may only be stored; you keep your access."
                  " If it is not so, or if it may be so, say it on this page: then nothing is deleted by itself."),
    "rebutted": _("It was checked: the account stays. What is held about you may be used again in three days."),
    "unrebutted": _("Nobody said anything against the report within five days, so the account is closed and will be deleted after three more days."
                    " The administrators can still stop that: write to them."),
    "received": _("You asked, and it was written down."), "ask_identity": _("Before anything happens, we have to know that it was you who asked."),
    "proven": _("We know that it was you."), "closed_unverified": _("The request was closed, because nobody proved that it was you. You can ask again."),
    "reminded": _("You were reminded: it is not known yet that it was you who asked."),
    "downgraded": _("Instead of a deletion you asked for no mail and no use beyond what is needed. That is a request of its own now, and this one is closed."),
    "admitted": _("It is being looked at."), "ask": _("You were asked a question."), "answered": _("The question was answered."),
    "transferred": _("It was handed to whoever is responsible."), "merged": _("You had asked this already; both are one request now."),
    "refused": _("It was refused."), "planned": _("A plan was made of what this takes."), "approved": _("It was agreed to."), "scheduled": _("It has a date now. Until then you can take it back."),
    "withdrawn": _("You took it back."), "started": _("It began to be carried out. From here on it cannot be taken back."), "moved": _("Something changed, so it is planned again."),
    "fanned_out": _("Others who hold data of yours were told."), "blocked": _("Something stands in the way. The administrators know."), "retried": _("It is tried again."),
    "by_hand": _("It was done by hand, as it says here."),
    "built": _("What you asked for was made. Somebody checks that it tells nothing about other people."), "released": _("What you asked for is ready. Fetch it here."),
    "fetch_code": _("The organization made a code for you. It gives it to you by another way than mail; with it you fetch what you asked for. If you did not ask for that, write to them."),
    "delivered": _("You fetched it."), "package_expired": _("It was not fetched in time and was destroyed. You can have it made once more, here."), "fulfilled": _("It is done."),
    "fulfilled_in_part": _("It is done in part."), "expires_soon": _("It is there for one day more. Then it is destroyed."), "asked_again": _("You asked that it be made once more."),
    "made_again": _("It was made once more, as things are now. Fetch it here."), "not_made_again": _("It could not be made once more. Try again, or write to the organization."),
    "barred": _("You asked that an administrator does not handle it. They have no access to it any more."),
    "added": _("You added to it."),
    "assigned": _("Somebody in particular handles it now."),
    "agent_confirmed": _("It is known that somebody acts for you in this request. They get letters only as far as it was chosen, and never your data."),
    "agent_mailbox": _("Whoever acts for you confirmed that the mailbox is theirs. From now on letters go there, as it was chosen."),
    "agent_ended": _("Nobody acts for you in this request any more."),
    "extend": _("More time was taken, for the reason that you were told."), "warned": _("The administrators were reminded of the date."),
    "breached": _("The date was missed. We are sorry. You may complain."), "disputed": _("You disagreed. Somebody else looks at it now."),
    "upheld": _("Somebody else looked at it, and the answer stays."),
    "reversed": _("Somebody else looked at it, and you were right: it goes on."), "resumed": _("What could not be done then is done now."), "certified": _("It is gone from backups too."),
}
"""For the person."""
GROUNDS = [("no_data", _("Nothing is held about the person")), ("unfounded", _("Plainly unfounded, or excessive")), ("others_rights", _("It would harm the rights of other people")),
           ("legal_duty", _("A legal duty to keep it")), ("legal_claims", _("Needed for legal claims")), ("public_interest", _("Important public interest, expression or research")),
           ("security", _("The security of the service needs it")), ("contract", _("Needed for a contract with the person")), ("not_applicable", _("This right does not apply here"))]
"""Why it is refused, or granted only in part (GDPR Art. 12(5), 15(4), 17(3), 18(2))."""
EXTENSIONS = [("complexity", _("It is complex")), ("number", _("The person made many requests"))]
_GROUNDS = {key: label for key, label in [*GROUNDS, *EXTENSIONS]}


def ground(code: str) -> str:
    """A ground in words; '' for what is none."""
    return str(_GROUNDS.get(code, ""))


RIGHT_OF = {"access": _("A copy of their data"), "portability": _("Their data in a portable file"), "erasure": _("Deletion of their data"), "correct": _("Correction of something wrong"),
            "restrict": _("Restriction: keep it, but do not use it"), "object": _("Objection to a use of their data"), "withdraw_consent": _("Withdrawal of a consent"),
            "opt_out": _("No mail or use beyond what is needed"), "deactivate": _("Deactivation of their account"), "child": _("Report that the account is a child’s")}
"""What was asked, for everybody but the person."""
ASKED_FOR = [(right, RIGHT_OF[right]) for right, _label in ASKABLE]
"""What is asked for somebody else, on the phone or in their name."""
STATE_OF = {"identity_pending": _("Waiting for a proof of who asked"), "clarification_pending": _("Waiting for the person’s answer"), "review": _("To be checked before the person gets it"),
            "ready": _("Ready for the person"), "disputed": _("The person disagrees; somebody else looks at it")}
"""Where it stands, for administrators, where the words for everybody speak to the person."""


def asked(actions: Iterable[Action]) -> str:
    """The rights of a request, for everybody but the person."""
    return " · ".join(str(RIGHT_OF[one.right]) for one in sorted(actions, key=lambda a: a.right))


COMPLAIN = {
    "eu": _("You can complain to the data protection authority where you live, work, or think that something went wrong, and go to court."),
    "uk": _("You can complain to the organization first, then to the Information Commissioner (ico.org.uk), and go to court."),
    "california": _("You can complain to the California Privacy Protection Agency or to the Attorney General of California."),
    "brazil": _("You can petition the ANPD, the Brazilian data protection authority, and go to court."),
    "virginia": _("You can appeal to the organization, which answers within 60 days, and then complain to the Attorney General of Virginia."),
}
"""Where else the person can turn, for each law that applies."""


def complain(regimes: list[str]) -> list[str]:
    """Where the person can turn under these laws."""
    return [str(COMPLAIN[key]) for key in regimes if key in COMPLAIN]
