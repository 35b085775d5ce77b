"""What a role may allow, in one list. django-guardian grants these on an organization."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "view_people": _("See the people and what is recorded about them"),
    "view_audit": _("See the audit log"),
    "invite_people": _("Invite people and cancel invitations"),
    "import_people": _("Import and export the people list"),
    "require_password_reset": _("Require a password reset"),
    "manage_access": _("Restrict, suspend, restore and remove access to the services"),
    "deactivate_accounts": _("Deactivate and reactivate managed accounts"),
    "delete_accounts": _("Schedule the deletion of managed accounts, bring it forward and cancel it"),
    "manage_domains": _("Add, prove and remove domains, and release managed accounts"),
    "lock_accounts": _("Lock managed accounts down at once"),
    "revoke_sessions": _("End sessions"),
    "revoke_tokens": _("Revoke API tokens of other people"),
    "reset_second_factor": _("Reset the second factor of managed accounts"),
    "change_email": _("Change the e-mail addresses of managed accounts, and decide what people ask for"),
    "update_profiles": _("Change profiles"),
    "manage_roles": _("Change roles"),
    "manage_groups": _("Make groups and decide who is in them"),
    "transfer_ownership": _("Transfer ownership"),
    "protect_people": _("Decide who may act on protected people"),
    "approve_plans": _("Approve what needs a second person"),
    "manage_apps": _("Look after services and who has access to them, and install and remove apps"),
    "manage_requests": _("Handle requests of people about their data"),
    "manage_holds": _("Place and release legal holds"),
    "manage_retention": _("Decide how long data is kept"),
    "manage_registers": _("Keep the registers of disclosures, recipients and transfers"),
    "view_content": _("See, together with a second person, what is in a managed account"),
    "export_organization": _("Export everything that the organization holds"),
    "export_audit": _("Export the audit log"),
    "manage_settings": _("Change the settings of the organization"),
}
