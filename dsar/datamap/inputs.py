"""Fields of the powers' forms, by whom what is written into them may be about: a stored plan keeps what a form was told (RIGHTS 4b, test 2). What a field means, its label says."""
from __future__ import annotations

from typing import Literal

_GROUPS: dict[Literal["subject", "others", "actor", "nobody"], str] = {
    # whom the power acts on: their values, their days, what is decided about them
    "subject": (
        "anew answer answered_on anyway authority channel choice delay delay_ground department email ends_on evidence field freeing how kinds language letters level limited method "
        "mode not_before outcome own_deletion proposed reason_code received_on refuses_invitations request restrict revoke_tokens right role time_zone title trigger until value "
        "wanted"),
    # somebody else than whom it acts on, or whoever a text may name
    "others": (
        "about account address addresses administrator administrators agent_email agent_name changes contact contact_email contact_link contact_name custodians document file "
        "ground label matter measures message name networks note of_matter officer officer_contact on_behalf_of owner people person private_note provider_email purpose rows "
        "secret_basis subject successors text their_reference ticket to words"),
    # what whoever acts shows of themselves
    "actor": (
        "first second token"),
    # which thing of the organization is meant, how it works, and what is to be done
    "nobody": (
        "about_kind access action actions after app at basis ca categories change claim closing_days concerned contract_reminders count countries country csv cycle_days days "
        "deletion_days delivery derogation description disclosure disclosures domain draft effective_at events events_url export families first_day format from_day given goes_on "
        "grant group groups hold inactive_days independent kind last_day lifted loadfile logout_url measure mechanism mechanism_on names notice ocsf ocsf_version organization "
        "outcomes permissions policy powers prefix privacy_url program provider public_key purposes rank reach recipient records redirect_uris refusal relay requests_url rule run "
        "scheduled scope scopes second_person secret_until sensitive service services significant since slug start status stream succession suggestion taken to_day url way webhook "
        "website what withhold years"),
}
INPUTS: dict[str, Literal["subject", "others", "actor", "nobody"]] = {name: whom for whom, names in _GROUPS.items() for name in names.split()}
