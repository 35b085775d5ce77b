"""Why something is refused: a code for machines, a sentence for people. One list for pages, mail, API and entries."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

REASONS = {
    "no_permission": _("Your role does not include this."),
    "self": _("You cannot do this to yourself. Use your own settings, or ask another administrator."),
    "rank": _("You can act only on people whose role ranks below yours, and give only roles that do."),
    "out_of_scope": _("Your role reaches only certain groups, and this person is in none of them."),
    "last_owner": _("This would leave the organization without an owner who can sign in."),
    "field_locked": _("Your organization has locked this field: it is not for you to change. Your page says who locked it and why; if the value is not right, say so there."),
    "field_of_person": _("Your organization leaves this field to the person alone. Suggest a change to them instead."),
    "field_of_directory": _("Your organization leaves this field to its directory alone. Change it there."),
    "yours_to_change": _("You may change this field yourself: edit the profile."),
    "yours_alone": _("Nobody else locked or changed this value. If you can change it, do so; otherwise ask the contact of the organization."),
    "no_suggestion": _("This suggestion is not there any more: it was answered, replaced or has ended."),
    "no_dispute": _("Nobody disputes this value now."),
    "disputed_often": _("You disputed five values within a day. Wait until tomorrow."),
    "edit_limited": _("Your organization does not let people do this themselves. Your page says why; ask the contact there."),
    "not_managed": _("Your organization does not manage this account, so it cannot act on the account itself."),
    "managed_by_idp": _("The organization's directory governs this. Change it there."),
    "protected": _("This person is protected. Only named administrators may act on them."),
    "on_hold": _("A legal hold prevents this."),
    "actor_paused": _("You did this to so many people within a day that a second administrator has to agree before you go on. They have been told."),
    "asker_paused": _("Whoever asked is paused, because of what they did within a day. Decide about that first."),
    "not_for_operator": _("Somebody in the organization can decide this, or time does. The operator agrees only where two people are always needed and there is no second one."),
    "not_paused": _("This person is not paused."),
    "pending_conflict": _("Another plan for this person is waiting. Decide that one first."),
    "policy_off": _("Your organization has switched this off: its published notice does not name it."),
    "unknown_power": _("There is no power with this name that a notice can name."),
    "no_draft": _("There is no draft of a notice."),
    "too_soon": _("People have to know of this for 14 days before it takes effect. Choose a later date."),
    "not_in_bulk": _("This can only be done one by one."),
    "owner_in_bulk": _("Owners are acted on one by one, with a second owner."),
    "nobody_chosen": _("Nobody is left whom this would change. Choose other people."),
    "too_many": _("These are more than 100,000 people. Narrow the choice."),
    "wrong_count": _("The number you typed is not the number of people this will change."),
    "job_running": _("Another job of this kind is running in your organization. Wait until it has finished."),
    "internal_error": _("Something went wrong on our side with this one. Nothing was changed; it is in the log of the server."),
    "invalid_name": _("Give a name of 1 to 60 characters, without control characters."),
    "too_many_views": _("You have 50 views of this list. Delete one first."),
    "said_already": _("Exactly this was sent within the last day."),
    "too_many_announcements": _("Three announcements were sent within the last day. Wait until tomorrow."),
    "nobody_to_tell": _("Nobody would get this: there is nobody who wants this kind."),
    "not_yours": _("You are not in this organization."),
    "use_restricted": _("The use of what is held about this person is restricted: it may be stored, and nothing else. What protects them or answers them is still possible."),
    "restricted_already": _("The use of this data is restricted already."),
    "not_restricted": _("The use of this data is not restricted."),
    "lift_pending": _("Lifting is decided already, and the person has been told of the date."),
    "not_your_ground": _("This ground does not end a restriction that has been confirmed. Say what has been settled since."),
    "nothing_freed": _("Choose at least one use that is free again."),
    "wrong_status": _("This is not possible in the current status."),
    "no_password": _("This person signs in without a password, so there is none to reset."),
    "nothing_to_change": _("Everything is already as you asked."),
    "address_taken": _("This address is reserved, taken, was given up lately, or looks too much like another one."),
    "address_unavailable": _("This address cannot be used."),
    "address_outside": _("The address is in no proven domain of your organization."),
    "change_pending": _("A change of this address is under way already. Decide or take back that one first."),
    "too_many_links": _("Too many links were asked for today. Try again tomorrow."),
    "no_change_pending": _("No change of this address is under way."),
    "mailbox_unconfirmed": _("The new mailbox has not confirmed yet."),
    "release_needed": _("Agreeing would release the account, and your role does not include that."),
    "address_taken_here": _("Somebody in your organization has this address."),
    "address_to_free": _("An account of your organization that is switched off, or about to be deleted, has this address. Give the address free there first."),
    "address_unmanaged": _("Somebody uses this address for an account that nobody manages. It becomes yours by a claim of the domain only."),
    "already_member": _("A person with this address is already in the organization."),
    "invitation_refused": _("This person does not accept invitations."),
    "unknown_action": _("There is no action with this name that a file can carry."),
    "unknown_person": _("Nobody in this organization has this address, or this is no id."),
    "unknown_domain": _("Your organization has no domain with this name or id."),
    "domain_there": _("Your organization has this domain already."),
    "too_many_domains": _("There are 20 domains without proof already. Prove or remove one first."),
    "domain_manages": _("Accounts are managed on the ground of this domain. Release them first."),
    "domain_contested": _("Two organizations have proven the domain of this account. Until that is settled, nobody acts on the account itself."),
    "domain_unproven": _("The proof of the domain has been missing for a month. Until it is back, nobody acts on the account itself."),
    "domain_not_proven": _("The domain has to be proven, and not on its way out, for this."),
    "unknown_claim": _("There is no claim with this name or id that could be acted on."),
    "claim_running": _("A claim of this domain is just being announced. Wait until everybody is told."),
    "too_many_claims": _("Your organization announced five claims within a day. Wait until tomorrow."),
    "no_notice": _("Your organization has no published notice that holds now. People have to be shown what its powers are for before it claims their accounts."),
    "nobody_to_claim": _("No account of this domain can be claimed now."),
    "invalid_rows": _("Not every line of the list is right, so nobody was told."),
    "no_address": _("The line names no address."),
    "formula": _("This is a formula and no address."),
    "not_in_domain": _("The address is not in this domain."),
    "unknown_address": _("No account has this address."),
    "claim_decided": _("This claim is over for your account, or you answered already."),
    "objected_before": _("You objected already, and were answered."),
    "no_objection": _("This account has no objection that waits for an answer."),
    "address_in_domain": _("This address is in a domain of the organization. Choose one of your own."),
    "claim_unverified": _("The address of this account was never confirmed."),
    "claim_managed_here": _("Your organization manages this account already."),
    "claim_managed_elsewhere": _("Another organization manages this account."),
    "claim_announced": _("This account was told of a claim already."),
    "claim_objected": _("The person objected to a claim, and was not answered yet."),
    "claim_told_often": _("This person was told of two claims within a month. They are left alone for now."),
    "claim_not_now": _("This account is not active, or operates the installation."),
    "unknown_stream": _("There is no log stream with this name or id."),
    "too_many_streams": _("There are 20 log streams already. Remove one first."),
    "one_file_stream": _("There is a log stream into files already; the organization has one file for each day."),
    "files_not_allowed": _("This installation does not write logs into files."),
    "beyond_log": _("The log has no entry with this number yet."),
    "unknown_role": _("There is no role with this name."),
    "unknown_group": _("There is no group with this name."),
    "unknown_service": _("There is no service with this name."),
    "builtin_role": _("Built-in roles are the same everywhere and cannot be changed or deleted. Make a role of your own."),
    "role_in_use": _("Somebody holds this role, or a group carries it. Give them another one first."),
    "beyond_own": _("You can give only permissions that you hold yourself."),
    "name_taken": _("There is one with this name already."),
    "group_in_scope": _("Somebody's role is limited to this group. Change that role first."),
    "scope_rank": _("Only a role of rank 50 or below can be limited to groups."),
    "service_rank": _("A service account has no second factor, so its roles must rank below 50."),
    "service_account": _("This is a service account: it does not sign in and has no mailbox."),
    "duplicate_row": _("The same person appears earlier in the file."),
    "invalid_value": _("A value in this row is not valid."),
    "too_often": _("This was done moments ago. Wait ten minutes before you repeat it."),
    "accounts_undecided": _("Accounts are managed about which nobody has decided, or that are not handed over yet. Release each of them, hand it to another organization, or schedule its deletion."),
    "transfer_open": _("This account is offered to another organization already. Take that offer back first."),
    "transfer_objected": _("The person objected to being handed over within the last half year. That is respected: release the account, or keep it."),
    "transfer_too_often": _("This account was offered three times within a month. Wait before you offer it again."),
    "transfer_to_self": _("This is the address of your own organization."),
    "no_transfer": _("There is no offer of this account that could be answered or ended."),
    "not_member_there": _("The other organization does not exist any more, or the person does not belong to it."),
    "answer_deletion_first": _("The person asked for the deletion of the account. Agree to that or decline it first."),
    "wrong_address": _("What you typed is not the address of this organization."),
    "organization_ending": _("The organization is about to end, so nobody can be brought in."),
    "address_unverified": _("The address of this account has not been proven yet."),
    "no_second_factor": _("The person needs a second factor before they can hold this role."),
    "copy_under_way": _("A copy is being made already. You get a mail when it is ready."),
    "too_many_copies": _("You asked for three copies within a day. Fetch one of them, or wait until tomorrow."),
    "step_up": _("Prove again that it is you."),
    "stale": _("Something changed since you looked. Check the new state and confirm again."),
    "expired": _("This plan has expired. Make a new one."),
    "same_person": _("The person who asked cannot approve."),
    "not_approver": _("Approving this needs a person of sufficient rank who holds the power themselves."),
    "not_found": _("There is nothing here."),
    "token_limits": _("A token can never do more than you can."),
    "too_many_successors": _("Name at most three successors."),
    "owner_already": _("This person is an owner already."),
    "not_named": _("You are not named to follow the owners, or you declined already."),
    "not_offered": _("Ownership is not offered to this person now."),
    "only_by_time": _("This happens by itself, after a waiting period in which owners are told. Nobody can do it by hand."),
    "by_person_only": _("Only a person who is signed in can do this, not a program."),
    "codes_wrong": _("These are not two codes that open something. Check both, and that they are two different ones."),
    "too_many_attempts": _("There were too many attempts with codes. Wait an hour."),
    "recovery_open": _("A recovery with codes is under way already."),
    "asked_already": _("You asked this already, and it is not answered yet."),
    "unknown_organization": _("Say which organization you mean; it has to be one that you are or were in."),
    "case_not_verified": _("It is not known well enough that the person themselves asked. Nothing is disclosed or done before that."),
    "case_too_soon": _("Its date has not come yet."),
    "asked_before": _("The person was asked once already."),
    "extended_before": _("The time was extended already, which can happen once only."),
    "not_reminded": _("Two reminders have to come first."),
    "too_late_to_extend": _("The law lets nobody take more time now."),
    "too_late_to_dispute": _("An answer can be disputed for 60 days."),
    "same_decider": _("Whoever gave the answer cannot judge a dispute about it."),
    "no_outcome": _("Every right that was asked for needs an outcome."),
    "not_a_handler": _("Nobody who handles requests there has this address."),
    "nobody_left": _("Nobody else could handle it then. Ask the organization to name somebody first, or complain elsewhere."),
    "by_the_link": _("The deletion has its date. Take it back by the link in the mail that told you."),
    "no_copy_asked": _("The person has no request for a copy that waits to be made."),
    "cannot_fetch": _("The person cannot sign in, so they could not fetch it. Make a copy for them yourself and answer by hand."),
    "no_deletion_asked": _("The person has no request for deletion that waits for an answer."),
    "words_missing": _("Say it in your own words."),
    "too_many_requests": _("There are ten requests already for which nobody proved who asked."),
    "unknown_request": _("There is no such request."),
    "about_yourself": _("This is about you, so somebody else has to decide."),
    "ask_first": _("The organization that manages your account decides about its deletion. Ask it."),
    "ask_first_deactivation": _("The organization that manages your account decides about its deactivation. Ask it."),
    "decide_alone": _("You can delete your account yourself; nobody has to be asked."),
    "no_request": _("No request for the deletion of this account is open."),
    "sole_control": _("Only this person may act on somebody who is protected. Name another administrator for them first."),
    "dispute_open": _("Whoever operates this installation has noted an open dispute about this account. Nothing is deleted until it is settled."),
    "purge_began": _("The deletion has begun and cannot be stopped any more."),
    "day_over": _("This day is over already."),
    "not_inactive": _("The person used something here meanwhile, or is left out of the inactivity rule."),
    "contract_elsewhere": _("The person is a member already: use “Set the end of the contract”."),
    "nothing_scheduled": _("Nothing is scheduled about this person."),
    "unknown_scheduled": _("Say which of the scheduled acts you mean; there is none with this id, or there are several."),
    "after_its_end": _("It would begin after the time at which it is to end."),
    "requester_lost": _("Whoever asked for it may not do this any more."),
    "changed_since": _("The person's role, or who manages the account, or what would follow has changed since it was asked for."),
    "second_person": _("By now this needs a second person."),
    "access_over": _("The time at which access was to end has come."),
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
