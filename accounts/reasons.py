"""Why something is refused: a code for machines, a sentence for people. One list for pages, mail, API and entries."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

REASONS = {
    "no_permission": _("Your role does not include this."),
    "self": _("You cannot do this to yourself. Use your own settings, or ask another administrator."),
    "rank": _("You can act only on people whose role ranks below yours, and give only roles that do."),
    "out_of_scope": _("Your role reaches only certain groups, and this person is in none of them."),
    "last_owner": _("This would leave the organization without an owner who can sign in."),
    "not_managed": _("Your organization does not manage this account, so it cannot act on the account itself."),
    "managed_by_idp": _("The organization's directory governs this. Change it there."),
    "protected": _("This person is protected. Only named administrators may act on them."),
    "on_hold": _("A legal hold prevents this."),
    "pending_conflict": _("Another plan for this person is waiting. Decide that one first."),
    "policy_off": _("Your organization has switched this off."),
    "wrong_status": _("This is not possible in the current status."),
    "no_password": _("This person signs in without a password, so there is none to reset."),
    "nothing_to_change": _("Everything is already as you asked."),
    "address_unavailable": _("This address cannot be used."),
    "already_member": _("A person with this address is already in the organization."),
    "invitation_refused": _("This person does not accept invitations."),
    "unknown_role": _("There is no role with this name."),
    "unknown_group": _("There is no group with this name."),
    "unknown_service": _("There is no service with this name."),
    "duplicate_row": _("The same address appears earlier in the file."),
    "invalid_value": _("A value in this row is not valid."),
    "too_often": _("This was done moments ago. Wait ten minutes before you repeat it."),
    "no_second_factor": _("The person needs a second factor before they can hold this role."),
    "step_up": _("Prove again that it is you."),
    "stale": _("Something changed since you looked. Check the new state and confirm again."),
    "expired": _("This plan has expired. Make a new one."),
    "same_person": _("The person who asked cannot approve."),
    "not_approver": _("Approving this needs a person of sufficient rank who holds the power themselves."),
    "not_found": _("There is nothing here."),
    "token_limits": _("A token can never do more than you can."),
    "external_obligation": _("Something outside this organization has to be settled first."),
}


def text(code: str) -> str:
    """The sentence for a reason code; an unknown code is a programming error and raises."""
    return str(REASONS[code])


class Refused(Exception):
    """The act is not allowed. `reasons` maps each target's id (or '' for the act as a whole) to its codes."""

    def __init__(self, reasons: dict[str, list[str]]) -> None:
        self.reasons = reasons
        super().__init__(", ".join(sorted({c for codes in reasons.values() for c in codes})))

    @property
    def codes(self) -> list[str]:
        return sorted({code for codes in self.reasons.values() for code in codes})


class NotFound(Exception):
    """Unknown, foreign and forbidden targets are the same to the actor (guard rail 6)."""


class Stale(Exception):
    """The world moved between plan and perform (guard rail 9)."""


class StepUpNeeded(Exception):
    """The actor has to prove who they are at `tier` before this can be done."""

    def __init__(self, tier: int) -> None:
        self.tier = tier
        super().__init__(f"step-up tier {tier}")


class KeyReused(Exception):
    """The idempotency key was used before for a different request (guard rail 10)."""
