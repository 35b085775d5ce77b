"""Entries in plain language: who did what to whom, what changed, what ended."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.reasons import REASONS
from audit import record as audit_record
from audit.queries import ERASED, Seen
from dsar.cases import words as case_words
from portal.powers import FALLS_DUE, POWERS

OTHER = {
    "session.program_signed_in": gettext_lazy("%(target)s signed in to a service or an app"), "session.program_signed_out": gettext_lazy("A service or an app ended the sign-in of %(target)s there"),
    "session.code_reused": gettext_lazy("Somebody used a sign-in code of %(target)s a second time, so what came of it was ended"),
    "session.refresh_reused": gettext_lazy("Somebody used an old token of %(target)s a second time, so what came of it was ended"),
    "session.device_refused": gettext_lazy("%(target)s refused to sign in on a device"),
    "app.consent_given": gettext_lazy("%(target)s allowed an app to act in their name"), "app.consent_refused": gettext_lazy("%(target)s refused what an app asked for"),
    "installation.signing_key_made": gettext_lazy("A key was made for what programs are told about people"),
    "installation.signing_key_rotated": gettext_lazy("The key for what programs are told about people was replaced"),
    "account.signed_in": gettext_lazy("%(target)s signed in"), "account.signed_out": gettext_lazy("%(target)s signed out"),
    "account.first_step_passed": gettext_lazy("The password of %(target)s was accepted; the second step is due"), "operator.created": gettext_lazy("An operator was appointed"),
    "account.proved_again": gettext_lazy("%(target)s proved again who they are"), "account.password_reset_asked": gettext_lazy("A password reset was asked for %(target)s"),
    "account.password_reset": gettext_lazy("%(target)s set a new password by the mailed link"), "account.password_changed": gettext_lazy("%(target)s changed their password"),
    "account.address_confirmed": gettext_lazy("%(target)s confirmed their address"), "second_factor.app_added": gettext_lazy("%(target)s added an authenticator app"),
    "second_factor.app_removed": gettext_lazy("%(target)s removed their authenticator app"), "second_factor.passkey_added": gettext_lazy("%(target)s added a passkey"),
    "second_factor.passkey_removed": gettext_lazy("%(target)s removed a passkey"), "second_factor.passkey_renamed": gettext_lazy("%(target)s renamed a passkey"),
    "recovery_codes.made": gettext_lazy("%(target)s made new recovery codes"), "recovery_codes.viewed": gettext_lazy("%(target)s looked at their recovery codes"),
    "membership.invitation_declined": gettext_lazy("%(target)s declined the invitation"), "organization.created": gettext_lazy("The organization was created"),
    "communications.signal_honoured": gettext_lazy("A browser of %(target)s sends Global Privacy Control, so optional mails were switched off"),
    "disclosure.told": gettext_lazy("The people concerned are told of a disclosure, because nothing forbids it any more"),
    "disclosure.prohibition_ends": gettext_lazy("A prohibition to tell of a disclosure ends soon"),
    "disclosure.evidence_read": gettext_lazy("%(actor)s fetched a letter or an order of the register of disclosures"),
    "register.contacts_forgotten": gettext_lazy("The contacts of an organization that has ended were removed"),
    "register.record_changed": gettext_lazy("The record of processing changed"), "register.round_finished": gettext_lazy("Everybody concerned was told"),
    "privacy_notice.published": gettext_lazy("The operator published a version of the privacy notice"),
    "privacy_notice.reminded": gettext_lazy("Whoever did not confirm the privacy notice was reminded"),
    "notice.reminded": gettext_lazy("Whoever did not confirm the notice was reminded"), "business_transfer.near": gettext_lazy("The day on which another controller takes over is near"),
    "business_transfer.done": gettext_lazy("Another controller took over the organization"),
    "relay.app_gone": gettext_lazy("An app was removed, so it is asked to delete what it has of everybody who had allowed it something"),
    "relay.asked": gettext_lazy("Services and apps are asked for what they hold about %(target)s"), "relay.answered": gettext_lazy("A service or an app answered about %(target)s"),
    "relay.answer_refused": gettext_lazy("A program answers about %(target)s"),
    "relay.answer_forgotten": gettext_lazy("What a program gave for a copy about %(target)s was removed, because its time is over"),
    "relay.undeliverable": gettext_lazy("A request about %(target)s is brought to a program"), "relay.delivered": gettext_lazy("A request about %(target)s reached a program"),
    "relay.overdue": gettext_lazy("A program did not answer in time about %(target)s"), "relay.cycle_missed": gettext_lazy("A program that has to ask us regularly did not"),
    "relay.called_off": gettext_lazy("A request to a program about %(target)s was called off"), "relay.caught_up": gettext_lazy("A program that was late has answered"),
    "relay.access_suspended": gettext_lazy("The access of a program rests, because it did not answer"),
    "account.reported": gettext_lazy("Somebody reported that the account of %(target)s, which is in no organization, is a child’s"),
    "account.reported_again": gettext_lazy("The account of %(target)s was reported once more as a child’s, which changes nothing"),
    "account.report_reminded": gettext_lazy("The operator was reminded of a report about the account of %(target)s"),
    "account.report_seen": gettext_lazy("The operator looked at a report about the account of %(target)s"),
    "account.report_kept": gettext_lazy("It was decided that the account of %(target)s stays, although it was reported as a child’s"),
    "account.report_closed": gettext_lazy("The operator closed the account of %(target)s after a report that it is a child’s"),
    "account.report_handed_on": gettext_lazy("A report about the account of %(target)s went to the organization that answers for it now"),
    "service.people_told": gettext_lazy("Everybody whose access to a service had changed was told"),
    "announcement.finished": gettext_lazy("An announcement has been sent to all who want it"),
    "plan.requested": gettext_lazy("%(actor)s asked for a second person's approval"), "plan.approved": gettext_lazy("%(actor)s approved a plan"),
    "plan.denied": gettext_lazy("%(actor)s declined a plan"), "plan.cancelled": gettext_lazy("%(actor)s took back a plan"), "plan.voided": gettext_lazy("A plan became void because something changed"),
    "plan.made": gettext_lazy("%(actor)s chose people for an act on many"), "plan.ready": gettext_lazy("An act on many was checked person by person"),
    "plan.confirmed": gettext_lazy("%(actor)s confirmed an act on many"), "plan.finished": gettext_lazy("An act on many that %(actor)s asked for was finished"),
    "plan.stopped": gettext_lazy("An act on many was stopped"), "plan.failed": gettext_lazy("An act on many could not be carried out"),
    "plan.columns_chosen": gettext_lazy("%(actor)s said what the columns of an uploaded file are"),
    "plan.expired": gettext_lazy("A plan expired"), "membership.snapshot_expired": gettext_lazy("The time to undo a removal ended"),
    "plan.scheduled": gettext_lazy("%(actor)s scheduled an act on %(target)s"), "plan.due_soon": gettext_lazy("Something scheduled about %(target)s is near"),
    "membership.inactivity_warned": gettext_lazy("%(target)s was warned that access nobody uses is suspended"),
    "membership.inactivity_reminded": gettext_lazy("%(target)s was warned for the last time that access nobody uses is suspended"),
    "organization.inactivity_reported": gettext_lazy("The inactivity rule warned or suspended people"),
    "plan.superseded": gettext_lazy("Something scheduled about %(target)s was dropped, because another act took its place"),
    "plan.not_done": gettext_lazy("What was scheduled about %(target)s when its time came"),
    "account.email.mailbox_confirmed": gettext_lazy("The mailbox of the new address that %(target)s asked for has confirmed"),
    "account.email.changed": gettext_lazy("The e-mail address of %(target)s was changed"), "account.email.reverted": gettext_lazy("The old mailbox of %(target)s took a change of the address back"),
    "account.email.change_expired": gettext_lazy("A change of the address of %(target)s was not completed in time"),
    "account.email.request_waiting": gettext_lazy("%(target)s still waits for an answer about another address"),
    "account.email.forgotten": gettext_lazy("Addresses of finished changes were forgotten, because nobody needs them any more"),
    "account.recovery_email.changed": gettext_lazy("%(target)s has a recovery address, whose mailbox confirmed"),
    "membership.identity_accepted": gettext_lazy("The role of %(target)s works again: nobody else could confirm who they are, and the old mailbox did not object for a week"),
    "account.own_reactivated": gettext_lazy("%(target)s switched their own account on again"),
    "account.identity_changed": gettext_lazy("The identity of %(target)s was changed by the organization that manages the account"),
    "member.unavailable": gettext_lazy("%(target)s became unavailable"), "organization.owner_unavailable": gettext_lazy("An owner, %(target)s, became unavailable"),
    "person.second_factor.removed": gettext_lazy("The second factors of %(target)s were removed, an hour after the reset"),
    "person.second_factor.reset_waits": gettext_lazy("The reset of the second factor of %(target)s waits an hour longer, because they may not have been told yet"),
    "person.second_factor.reset_stopped": gettext_lazy("%(target)s stopped the reset of their second factor"),
    "people.exported": gettext_lazy("%(actor)s exported the people list"), "people.import_planned": gettext_lazy("%(actor)s uploaded a file of people"),
    "people.import_confirmed": gettext_lazy("%(actor)s confirmed an import of people"), "people.import_progressed": gettext_lazy("A part of an import of people was carried out"),
    "people.import_finished": gettext_lazy("An import of people was finished"),
    "membership.role_updated": gettext_lazy("%(actor)s changed a role that %(target)s holds"),
    "membership.group_role_changed": gettext_lazy("%(actor)s changed the role of a group that %(target)s is in"),
    "audit.export_begun": gettext_lazy("An export of the audit log was begun"), "audit.export_sealed": gettext_lazy("An export of the audit log was sealed"),
    "audit.export_failed": gettext_lazy("An export of the audit log"), "audit.export_stopped": gettext_lazy("%(actor)s stopped an export of the audit log"),
    "audit.export_resumed": gettext_lazy("%(actor)s took a failed export of the audit log up again"), "audit.export_downloaded":
        gettext_lazy("%(actor)s downloaded a file of an export of the audit log"),
    "audit.export_expired": gettext_lazy("The files of an export of the audit log were removed, because their time was over"),
    "audit.stream_gone": gettext_lazy("The receiver of the log stream “%(target)s” said that it is gone, so the stream was paused"),
    "audit.pruned": gettext_lazy("Entries whose time was over were removed from the log, as two people had agreed"),
    "restore.resurrection": gettext_lazy("A backup was restored, and what was undone by that was done again by the ledger"),
    "restore.state_again": gettext_lazy("After a backup was restored, what had been decided about %(target)s since was put back in place"),
    "restore.erased_again": gettext_lazy("After a backup was restored, the deletion of %(target)s was carried out again"),
    "restore.ended_again": gettext_lazy("After a backup was restored, the end of the organization was carried out again"),
    "restore.progressed": gettext_lazy("A part of the ledger was replayed onto a restored database"),
    "privacy.subject_erased": gettext_lazy("The personal values of somebody were erased from the log"),
    "privacy.erasure_deferred": gettext_lazy("The erasure of somebody from the log waits, because of a hold"),
    "privacy.addresses_erased": gettext_lazy("Network addresses and names of programs whose time was over were erased from the log"),
    "audit.viewed": gettext_lazy("%(actor)s looked into the audit log"),
    "domain.verified": gettext_lazy("The proof of the domain %(target)s was found"), "domain.recovered": gettext_lazy("The proof of the domain %(target)s was found again"),
    "domain.failing": gettext_lazy("The proof of the domain %(target)s was not found"),
    "domain.frozen": gettext_lazy("The proof of the domain %(target)s has been missing for a month: powers over its accounts rest"),
    "domain.lapsed": gettext_lazy("The domain %(target)s lapsed, because its proof was missing for two months"), "domain.expired": gettext_lazy("The domain %(target)s was not proven in time"),
    "domain.contested": gettext_lazy("Another organization proved the domain %(target)s too: it is contested"),
    "domain.proven_afresh": gettext_lazy("The contested domain %(target)s was proven afresh"),
    "domain.fresh_proof_gone": gettext_lazy("The new value of the contested domain %(target)s is not there any more"),
    "domain.contest_waits": gettext_lazy("The contest over the domain %(target)s goes on: whoever operates the installation decides, or it takes longer"),
    "domain.contest_won": gettext_lazy("The contest over the domain %(target)s ended: it belongs to the organization"),
    "domain.contest_lost": gettext_lazy("The contest over the domain %(target)s ended: it belongs to somebody else"),
    "claim.announced_to_all": gettext_lazy("Everybody whom the claim of the domain %(target)s concerns was told"), "claim.finished": gettext_lazy("The claim of the domain %(target)s is finished"),
    "claim.ended": gettext_lazy("The claim of the domain %(target)s ended with the domain"), "claim.progressed": gettext_lazy("Accounts that were released before were taken off a claim"),
    "management.announced": gettext_lazy("%(target)s was told that their account will be managed"), "management.reminded": gettext_lazy("%(target)s was reminded that their account will be managed"),
    "management.exempted": gettext_lazy("%(target)s was left out of a claim"), "management.objection_rejected": gettext_lazy("The objection of %(target)s to a claim was declined"),
    "management.withdrawn": gettext_lazy("A claim ended before it took effect for %(target)s"), "management.missed": gettext_lazy("The account of %(target)s could not be claimed on the date"),
    "management.started": gettext_lazy("The organization began to manage the account of %(target)s"), "management.exited": gettext_lazy("%(target)s left a claim with an address of their own"),
    "account.left_claim": gettext_lazy("%(target)s left a claim with an address of their own"),
    "account.left_transfer": gettext_lazy("%(target)s took their account themselves instead of being handed to another organization"),
    "management.transfer_received": gettext_lazy("Another organization offered the account of %(target)s"),
    "management.transfer_agreed": gettext_lazy("The other organization accepted the account of %(target)s; a date was set"),
    "management.transfer_refused": gettext_lazy("The organization does not take the account of %(target)s after all"),
    "management.transfer_given_back": gettext_lazy("The other organization does not take the account of %(target)s after all"),
    "management.transfer_ended": gettext_lazy("The transfer of the account of %(target)s ended before it took effect"),
    "management.transfer_reminded": gettext_lazy("%(target)s was reminded that their account will be handed to another organization"),
    "management.transfer_expired": gettext_lazy("Nobody took the account of %(target)s over in time"),
    "management.transfer_missed": gettext_lazy("The account of %(target)s could not be handed over on the date"),
    "management.transfer_left": gettext_lazy("%(target)s took their account themselves; the organization does not manage it any more"),
    "management.transferred": gettext_lazy("The account of %(target)s was handed to another organization"),
    "management.transfer_began": gettext_lazy("The organization began to manage the account of %(target)s, which another one handed over"),
    "domain.accounts_released": gettext_lazy("The accounts of the domain %(target)s are released, and the domain is given up"),
    "succession.opened": gettext_lazy("No owner is there any more: a succession was opened"),
    "succession.waiting": gettext_lazy("The owners were told of the succession, and the waiting period began"),
    "succession.reminded": gettext_lazy("The owners were told again of what is under way"), "succession.offered": gettext_lazy("Ownership was offered to %(target)s"),
    "succession.nobody": gettext_lazy("None of the named successors can follow, or wants to"), "succession.expired": gettext_lazy("A succession ended without a new owner"),
    "succession.proposed": gettext_lazy("The operator proposed %(target)s as an owner"),
    "succession.codes_aged": gettext_lazy("The recovery codes are more than a year old; the owners were asked about them"),
    "audit.keys_replaced": gettext_lazy("Lost keys were replaced: personal values in older entries stay closed"),
    "audit.checked": gettext_lazy("The audit log was verified"), "audit.drilled": gettext_lazy("A copy of a part of the audit log was tampered with, as a test, and every way was caught"),
    "audit.log_key_lost": gettext_lazy("The key that signed the logs was declared lost, and the logs have a new one that nobody endorsed"),
    "notice.adopted": gettext_lazy("An upgrade published the first notice, number %(target)s, with the powers that were in use"),
    "plan.reminded": gettext_lazy("Those who could decide about a plan were reminded"), "plan.delayed":
        gettext_lazy("An organization asked for something to which nobody else there could agree; it waits for 48 hours"),
    "plan.second_person_found": gettext_lazy("Somebody can decide about a plan now, so it waits for that person instead of its date"),
    "plan.delay_over": gettext_lazy("Nobody stopped a plan within 48 hours, so it is carried out"), "plan.operator_agreed": gettext_lazy("The operator agreed to a plan, because nobody else could"),
    "person.protector_added_self": gettext_lazy("%(actor)s put themselves among those who may act on %(target)s"),
    "actor.paused": gettext_lazy("%(target)s did so much harm within a day that a second person has to agree before they go on"),
    "actor.pause_ended": gettext_lazy("The pause of %(target)s ended, because nobody else could have agreed to it"),
    "account.deletion_request_waiting": gettext_lazy("The request of %(target)s that their account be deleted waits for an answer; more people were told"),
    "account.deletion_request_ended": gettext_lazy("The request of %(target)s that their account be deleted ended, because it means nothing any more"),
    "retention.tried": gettext_lazy("A run over data past its day only counted, because rules or periods changed"),
    "retention.begun": gettext_lazy("A run over data past its day began"), "retention.stopped": gettext_lazy("A run over data past its day stopped, because it would remove unusually much"),
    "retention.removed": gettext_lazy("Data past its day was removed or emptied"), "retention.removed_about": gettext_lazy("Data about %(target)s was removed or emptied, because it was past its day"),
    "retention.finished": gettext_lazy("A run over data past its day"),
    "account.deletion_near": gettext_lazy("An account will be deleted within three days"),
    "account.purge_waits": gettext_lazy("A deletion waits, because something stands in the way"),
    "account.purge_resumes": gettext_lazy("A deletion goes on, because nothing stands in its way any more"),
    "data.legal_hold.lapsed": gettext_lazy("A legal hold ended, because no second person agreed"),
    "data.legal_hold.disclosed": gettext_lazy("%(target)s was told of a legal hold"), "data.legal_hold.reminded": gettext_lazy("%(target)s was reminded of a legal hold"),
    "data.legal_hold.ended": gettext_lazy("%(target)s was told that a legal hold no longer keeps anything of theirs"),
    "case.evidence_destroyed": gettext_lazy("Files of requests that are over were destroyed, which a hold had kept"),
    "account.purge_began": gettext_lazy("The deletion began; it cannot be stopped any more"), "account.purge_part": gettext_lazy("A part of what was kept about the person was removed"),
    "account.purged": gettext_lazy("The account was deleted"), "member.deleted": gettext_lazy("The account of a member was deleted"),
    "rights.page_opened": gettext_lazy("%(target)s opened their rights page by a link from their mailbox"), "rights.requested": gettext_lazy("%(target)s asked the organization for what is theirs"),
    "rights.answered": gettext_lazy("%(actor)s answered a request of %(target)s"),
    "account.dispute_noted": gettext_lazy("The operator noted a dispute about the account of %(target)s: it is not deleted meanwhile"),
    "account.restored_address_set": gettext_lazy("The operator set the address of the account of %(target)s, which a restored backup had locked, and opened it again"),
    "account.dispute_lifted": gettext_lazy("The operator noted that the dispute about the account of %(target)s is settled"),
    "organization.ending_near": gettext_lazy("The organization ends within days"),
    "organization.end_waits": gettext_lazy("The end of the organization is due and waits, because something stands in the way"),
    "organization.end_began": gettext_lazy("The end of the organization began"), "organization.deleted": gettext_lazy("The organization ended"),
    "membership.ended_with_organization": gettext_lazy("The membership of %(target)s ended with the organization"),
    "package.built": gettext_lazy("The copy of the data of %(target)s was made"), "package.failed": gettext_lazy("The copy of the data of %(target)s was made"),
    "package.expiring": gettext_lazy("It was told that the copy of the data of %(target)s is there for one day more"),
    "account.erasure_certified": gettext_lazy("What was deleted with an account is gone from backups too"),
    "package.downloaded": gettext_lazy("%(actor)s fetched the copy of their data"),
    "package.downloaded:organization": gettext_lazy("%(actor)s fetched the copy of the data of %(target)s"),
    "package.destroyed": gettext_lazy("The copy of the data of %(target)s was removed"),
    "account.deletion_reported": gettext_lazy("The account of %(target)s was closed, and its deletion scheduled, after a report that nobody contradicted"),
    "profile.value_back": gettext_lazy("A value of the profile of %(target)s that had been disputed is used again"),
    "profile.dispute_moved": gettext_lazy("A request of %(target)s moved, and the values that they dispute in it with it"),
    "profile.suggestion_expired": gettext_lazy("A change of the profile that was suggested to %(target)s ended without an answer"),
    "profile.updated_elsewhere": gettext_lazy("%(target)s accepted a change of their own profile that another organization suggested"),
    "use.restricted": gettext_lazy("The use of the data of %(target)s was restricted"),
    "use.restriction_confirmed": gettext_lazy("Nobody objected in time: the restriction of the data of %(target)s is confirmed"),
    "use.restriction_lifted": gettext_lazy("The restriction of the data of %(target)s was lifted, as they had been told"),
    "use.partly_freed": gettext_lazy("A part of the restriction of the data of %(target)s was lifted, as they had been told"),
    "use.restriction_asked:part": gettext_lazy("%(actor)s restricted the use of a part of their data"),
    "use.restriction_ended:part": gettext_lazy("%(actor)s ended the restriction of a part of their data"),
    "use.restricted:part": gettext_lazy("The use of a part of the data of %(target)s was restricted"),
    "use.restriction_confirmed:part": gettext_lazy("Nobody objected in time: the restriction of a part of the data of %(target)s is confirmed"),
    "use.lift_announced:part": gettext_lazy("%(actor)s announced to %(target)s that the restriction of a part of their data is lifted"),
    "use.restriction_lifted:part": gettext_lazy("The restriction of a part of the data of %(target)s was lifted, as they had been told"),
    "data.viewed": gettext_lazy("%(actor)s looked at what the organization keeps about %(target)s"),
    "data.viewed:content": gettext_lazy("%(actor)s opened a record of %(target)s, as two people had agreed"),
    "data.viewed:content_search": gettext_lazy("%(actor)s searched the records of %(target)s, as two people had agreed"),
    "data.viewed:content_list": gettext_lazy("%(actor)s looked at the list of records of %(target)s, as two people had agreed"),
    "data.view_ended": gettext_lazy("The access to records of %(target)s ended"),
    "data.view_told": gettext_lazy("%(target)s was told that somebody could read records of theirs"),
    "data.organization_export.started": gettext_lazy("The export of the whole organization is being made"),
    "data.organization_export.built": gettext_lazy("The export of the whole organization was made"),
    "data.organization_export.failed": gettext_lazy("The export of the whole organization was made"),
    "data.organization_export.downloaded": gettext_lazy("%(actor)s fetched the export of the whole organization"),
    "data.organization_export.expired": gettext_lazy("The export of the whole organization was destroyed, because its time was over"),
    "data.organization_export.included": gettext_lazy("Private data of %(target)s is in an export of the whole organization"),
    "account.unused_warned": gettext_lazy("%(target)s was warned that their account is closed, because nobody uses it"),
    "account.unused_closed": gettext_lazy("The account of %(target)s was closed and its deletion scheduled, because nobody used it"),
    "account.used_again": gettext_lazy("The account of %(target)s stays: it was used again, or something speaks against closing it"),
    "organization.unused_reported": gettext_lazy("The rule about unused accounts warned or closed some"),
    "data.export.told": gettext_lazy("%(target)s was told that a copy of their data had been taken"),
    "notice.acknowledged": gettext_lazy("%(actor)s confirmed that they have read a notice"),
    "webhook.gone": gettext_lazy("The webhook “%(target)s” was paused: its receiver said that it is gone for good"),
    "webhook.paused_failing": gettext_lazy("The webhook “%(target)s” was paused: its receiver took nothing for days"),
    "signals.stream_created": gettext_lazy("A program asked to be told of security events"), "signals.stream_changed": gettext_lazy("A program changed how it is told of security events"),
    "signals.stream_removed": gettext_lazy("A program asked not to be told of security events any more"), "signals.stream_enabled": gettext_lazy("A program wants security events again"),
    "signals.stream_paused": gettext_lazy("A program let security events wait"), "signals.stream_disabled": gettext_lazy("A program switched security events off"),
    "signals.subject_removed": gettext_lazy("A program asked not to be told of security events about %(target)s any more"),
    "signals.subject_added": gettext_lazy("A program wants to be told of security events about %(target)s again"),
    **case_words.SENTENCES,
    "app.scopes_pending": gettext_lazy("The app “%(target)s” asks for more than it has"), "app.approval_ended": gettext_lazy("The approval of the app “%(target)s” ended on its day"),
    "app.expired": gettext_lazy("The app “%(target)s” was removed, because the time for which it was installed is over"),
    "app.cleared": gettext_lazy("Consents and sign-ins at the app “%(target)s”, which was removed, ended"),
    "role.refreshed": gettext_lazy("An upgrade changed what the built-in role “%(target)s” may do"),
}
NAMES = ("actor.name", "actor.email", *(f"targets.{n}.label" for n in range(4)))
"""What a line of the list says of people; everything else stays closed until an entry is opened."""
EVENTS = {**{p.event: p.sentence for p in (*FALLS_DUE.values(), *POWERS)}, **OTHER}
DENIED = gettext_lazy("%(actor)s tried: “%(act)s”. It was refused")
FAILED = gettext_lazy("“%(act)s” did not succeed")


@dataclass
class Line:
    """An entry, ready to be shown."""

    id: UUID
    seq: int | None
    text: str
    actor: str
    target: str
    at: datetime
    outcome: str
    action: str
    reason: str
    changes: list[dict[str, Any]] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    via: str = ""
    why: str = ""
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def because(self) -> str:
        """On which ground it was done, or why it was refused or failed, in words; the code itself where there are none, '' where there is no reason."""
        return ground(self) or str(REASONS.get(self.reason, self.reason))


def line(seen: Seen) -> Line:
    """One entry in words. Erased values say so."""
    record = seen.record
    actor, target = _actor(seen), _target(seen)
    what = record.get("facts", {}).get("what", "")
    variant = "part" if what and record["action"].startswith("use.") else what
    act = str(EVENTS.get(f"{record['action']}:{variant}") or EVENTS.get(record["action"], record["action"])) % {"actor": actor, "target": target}
    outcome = record["decision"]["outcome"]
    text = act
    if outcome == "denied":
        text = str(DENIED) % {"actor": actor, "act": act}
    elif outcome == "failure":
        text = str(FAILED) % {"act": act}
    return Line(
        id=seen.id, seq=seen.seq, text=text, actor=actor, target=target, at=seen.recorded_at or seen.occurred_at, outcome=outcome, action=record["action"],
        reason=record["decision"].get("reason_code") or record.get("why", {}).get("reason_code", ""), changes=[_change(n, c, seen) for n, c in enumerate(record.get("change", []))],
        ended=record.get("ended", {}), via=record.get("context", {}).get("via", ""), why=_said(seen, "why.text"), record=record)


_OTHER_GROUNDS = {"unused": gettext_lazy("Nobody used the account"), "until_reached": gettext_lazy("The time that was set is over")}


@cache
def _grounds() -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """The grounds that the forms offer, by event and code; and by code alone, for what follows from an act."""
    exact = {(power.event, str(code)): words for power in (*POWERS, *FALLS_DUE.values()) for name in ("ground", "reason_code", "trigger")
             for code, words in getattr(power.form.base_fields.get(name), "choices", ()) if code}
    return exact, {code: words for (_event, code), words in exact.items()} | _OTHER_GROUNDS


def ground(line: Line) -> str:
    """On which ground it was done, in the words of the form in which it was chosen; '' where none was."""
    return str(_grounds()[0].get((line.action, line.reason)) or ground_called(line.reason))


def ground_called(code: str) -> str:
    """A ground in words, by its code alone; '' for what is none."""
    return str(_grounds()[1].get(code, ""))


def _said(seen: Seen, path: str) -> str:
    value = seen.open.get(path, "")
    return _("(erased)") if value is ERASED else str(value)


_NAMELESS = {"schedule": gettext_lazy("The schedule"), "anonymous": gettext_lazy("Somebody not signed in"), "operator": gettext_lazy("The operator"),
             "organization": gettext_lazy("Another organization"), "client": gettext_lazy("A program")}


def _actor(seen: Seen) -> str:
    actor = seen.record["actor"]
    name = _said(seen, "actor.name") or _said(seen, "actor.email")
    if actor["type"] == "api_token":
        return _("An API token of %(name)s") % {"name": name or actor.get("id", "")}
    name = name or str(_NAMELESS.get(actor["type"], "")) or (_("(erased)") if actor.get("name") else str(actor.get("id", "")))
    return _("%(name)s through %(app)s") % {"name": name, "app": through(seen.record)} if through(seen.record) else name


def through(record: dict[str, Any]) -> str:
    """The app with which somebody did it, as it was called then; '' where nobody let a program act in their name."""
    found = audit_record.through(record)
    return "" if found is None else found or _("an app that is gone")


def _target(seen: Seen) -> str:
    for number, target in enumerate(seen.record.get("targets", [])):
        label = _said(seen, f"targets.{number}.label")
        if label:
            return label
        if "label" in target:
            return _("(erased)")
    return _("the account") if any(t["type"] == "person" for t in seen.record.get("targets", [])) else _("somebody unknown")


def _change(number: int, change: dict[str, Any], seen: Seen) -> dict[str, Any]:
    def value(side: str) -> Any:
        if change["class"] == "pii":
            return _said(seen, f"change.{number}.{side}") if side in change else ""
        return ground_called(str(change.get(side) or "")) or change.get(side) if change["path"].endswith("reason_code") else change.get(side)

    if change["class"] == "secret":
        return {"path": change["path"], "before": "", "after": _("changed (a secret, not recorded)")}
    return {"path": change["path"], "before": value("before"), "after": value("after")}
