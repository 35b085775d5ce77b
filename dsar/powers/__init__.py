"""Every power over people's data, written out: their own acts, and what others do for them."""
from accounts.power import Power
from dsar.powers import (
    acknowledge_hold,
    adding,
    calendar_link,
    carrying,
    cases,
    dialogue,
    export_person,
    fetch_code,
    identity,
    legal_holds,
    matters,
    rebut_child_report,
    request_copy,
    restrict_own_use,
    restrict_use,
    value_disputes,
)

POWERS: tuple[Power, ...] = (
    request_copy.POWER, export_person.POWER, *cases.POWERS, *calendar_link.POWERS, *dialogue.POWERS, *identity.POWERS, *carrying.POWERS, fetch_code.POWER,
    *value_disputes.POWERS, *adding.POWERS, *rebut_child_report.POWERS,
    *matters.POWERS, *legal_holds.POWERS, acknowledge_hold.POWER,
    restrict_own_use.POWER, restrict_own_use.END, restrict_use.POWER, restrict_use.LIFT,
)
