"""Every power over people's data, written out: their own acts, and what others do for them."""
from accounts.power import Power
from dsar.powers import (
    acknowledge_hold,
    adding,
    business_transfer,
    calendar_link,
    carrying,
    cases,
    content,
    dialogue,
    disclosures,
    export_person,
    fetch_code,
    identity,
    legal_holds,
    matters,
    organization_export,
    rebut_child_report,
    recipients,
    relays,
    request_copy,
    responders,
    restrict_own_use,
    restrict_use,
    retention,
    value_disputes,
)

POWERS: tuple[Power, ...] = (
    request_copy.POWER, export_person.POWER, *cases.POWERS, *calendar_link.POWERS, *dialogue.POWERS, *identity.POWERS, *carrying.POWERS, fetch_code.POWER,
    *value_disputes.POWERS, *adding.POWERS, *rebut_child_report.POWERS,
    *disclosures.POWERS, *recipients.POWERS, *business_transfer.POWERS,
    *content.POWERS, *organization_export.POWERS,
    *matters.POWERS, *legal_holds.POWERS, acknowledge_hold.POWER,
    restrict_own_use.POWER, restrict_own_use.END, restrict_use.POWER, restrict_use.LIFT,
    *retention.POWERS,
    *responders.POWERS, *relays.POWERS,
)
