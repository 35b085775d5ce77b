"""Why a date is what it is, in sentences that a person can check with a calendar."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dsar.clock.reckoning import Reckoned

NAMES = {"eu": gettext_lazy("European data protection law (GDPR)"), "uk": gettext_lazy("United Kingdom data protection law"), "california": gettext_lazy("Californian privacy law (CCPA)"),
         "brazil": gettext_lazy("Brazilian data protection law (LGPD)"), "virginia": gettext_lazy("Virginian data protection law")}
_REFUSED = {
    "no_pauses": gettext_lazy("This law does not let the time stand still while a question is open."),
    "asked_too_late": gettext_lazy("A question that was asked late does not let the time stand still."),
    "no_extension": gettext_lazy("This law knows no extension."), "extended_too_late": gettext_lazy("The extension was told too late and does not count."),
    "extended_twice": gettext_lazy("The time can be extended only once."),
}
_WAITING = {"identity_proven": gettext_lazy("The time begins when identity has been proven."), "fee_paid": gettext_lazy("The time begins when the fee has been paid.")}
_STARTED = {"identity_proven": gettext_lazy("Identity was proven on %(day)s; the time begins on that day."), "fee_paid": gettext_lazy("The fee was paid on %(day)s; the time begins on that day.")}
_STILL = {"identity_proven": gettext_lazy("Since %(day)s the time stands still, until identity is proven."), "fee_paid": gettext_lazy("Since %(day)s the time stands still, until the fee is paid."),
          "clarified": gettext_lazy("Since %(day)s the time stands still, until the question is answered.")}


def explain(reckoned: Reckoned) -> list[str]:
    """The sentences behind the statutory date of one regime, in order."""
    return [_WORDS[step.code](step.about) for step in reckoned.steps]


def name(regime: str) -> str:
    """What a regime is called; one that only the installation's own file knows by its key."""
    return str(NAMES.get(regime, regime))


def _day(day: Any) -> str:
    return date_format(day, "DATE_FORMAT")


def _length(step: dict[str, Any]) -> str:
    n = step["count"]
    words = {"months": ngettext("%(n)d month, the day it begins not counted, ends on %(day)s.", "%(n)d months, the day it begins not counted, end on %(day)s.", n),
             "days": ngettext("%(n)d day, the day it begins not counted, ends on %(day)s.", "%(n)d days, the day it begins not counted, end on %(day)s.", n),
             "business_days": ngettext("%(n)d business day, the day it begins not counted, ends on %(day)s.", "%(n)d business days, the day it begins not counted, end on %(day)s.", n)}
    found = words[step["unit"]] % {"n": n, "day": _day(step["day"])}
    if step["short"]:
        found += " " + _("That month has no day with the same number, so it is its last day.")
    return found


def _extension(step: dict[str, Any]) -> str:
    return _("The time was extended; the longer time counts from the same day.") + " " + _length(step)


def _left_out(step: dict[str, Any]) -> str:
    return ngettext("%(n)d day does not count, because a question was open: %(day)s.", "%(n)d days do not count, because a question was open: %(day)s.", step["count"]) % {
        "n": step["count"], "day": _day(step["day"])}


def _rolled(step: dict[str, Any]) -> str:
    if step["why"] != "weekend":
        return _("%(day)s is a public holiday there (%(holiday)s).") % {"day": _day(step["from"]), "holiday": step["why"]}
    return (_("%(day)s is a Saturday.") if step["from"].weekday() == 5 else _("%(day)s is a Sunday.")) % {"day": _day(step["from"])}


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "received": lambda s: _("Received on %(day)s; %(law)s applies.") % {"day": _day(s["day"]), "law": name(s["regime"])},
    "waiting": lambda s: str(_WAITING[s["for"]]), "started": lambda s: str(_STARTED[s["for"]]) % {"day": _day(s["day"])},
    "standing_still": lambda s: str(_STILL[s["for"]]) % {"day": _day(s["day"])}, "refused": lambda s: str(_REFUSED[s["why"]]),
    "period": _length, "extended": _extension, "left_out": _left_out, "rolled": _rolled, "due": lambda s: _("Due by the end of %(day)s.") % {"day": _day(s["day"])},
}
