"""What rules about retention and their runs keep about people: whom a rule names, and who made it."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, Nothing, Subject, Unit, data, none

_BY = data("user.history", export="others", erase="keep", ground="who decided stays with what was decided; the number leads to nobody once that person is erased")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="dsar_retentionrule",
        title=_("Rules about how long data about you is kept"),
        about=(Subject("account_id"), Subject("set_by", "actor"), Subject("approved_by", "actor")),
        purpose="rights",
        source=("administrator",),
        recipients=("administrators",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "account_id": data("user.unique_id", erase="keep", ground="a rule that keeps something names whose it is until that has gone; the number leads to nobody"),
            "label": none("the label of some rows, such as which kind of notice it is", reviewed="one of the values by which the software itself tells rows apart"),
            **{name: none("what the rule says, in codes and numbers") for name in ("kind", "scope", "about", "what", "trigger", "count", "measure", "action", "ground", "effective_at", "ends_at")},
            "set_by": _BY,
            "approved_by": _BY,
            "set_at": ORDER,
        },
    ),
)

NOTHING: tuple[Nothing, ...] = (Nothing("dsar_retentionrun", "what was removed when its time was over: counts and days, and the numbers of rules"),)
