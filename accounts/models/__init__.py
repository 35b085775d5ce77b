from accounts.models.account import Account, Session
from accounts.models.address import AddressChange, ReleasedAddress
from accounts.models.app import App, AppGrant, Installation, OAuthApplication
from accounts.models.brake import Brake
from accounts.models.catalogue import AppDelivery, AppRequest, AppReview, AppUse
from accounts.models.claim import Claim, ClaimedAccount
from accounts.models.closing import Closing
from accounts.models.communication import Announcement, Consent, Suppression
from accounts.models.count import PeopleCount
from accounts.models.deletion import Deletion, Dispute, Tombstone
from accounts.models.domain import Domain
from accounts.models.dormancy import Dormancy
from accounts.models.mail import Mail
from accounts.models.membership import (
    Group,
    GroupMembership,
    Management,
    Membership,
    MembershipSnapshot,
    Protection,
)
from accounts.models.notice import NoticeVersion
from accounts.models.organization import (
    Organization,
    OrganizationGroupPermission,
    OrganizationUserPermission,
    Role,
)
from accounts.models.plan import IdempotencyKey, Plan, PlanRow
from accounts.models.policy import OldSlug, OrganizationPolicy
from accounts.models.profile import EditLimits, FieldPolicy, ProfileChange, ProfileSuggestion, SetAside, ValueDispute
from accounts.models.program import LogoutCall, ProgramSession, SigningKey
from accounts.models.rights import RightsAsk, RightsRequest, RightsVisit
from accounts.models.service import AccessRound, GroupService, Service, ServiceAccess
from accounts.models.signal import SignalEvent, SignalExclusion, SignalStream
from accounts.models.succession import RecoveryCode, SuccessionCase, Successor
from accounts.models.token import ApiToken
from accounts.models.transfer import Transfer
from accounts.models.view import SavedView
from accounts.models.webhook import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "AccessRound",
    "Account",
    "AddressChange",
    "Announcement",
    "ApiToken",
    "App",
    "AppDelivery",
    "AppGrant",
    "AppRequest",
    "AppReview",
    "AppUse",
    "Brake",
    "Claim",
    "ClaimedAccount",
    "Closing",
    "Consent",
    "Deletion",
    "Dispute",
    "Domain",
    "Dormancy",
    "EditLimits",
    "FieldPolicy",
    "Group",
    "GroupMembership",
    "GroupService",
    "IdempotencyKey",
    "Installation",
    "LogoutCall",
    "Mail",
    "Management",
    "Membership",
    "MembershipSnapshot",
    "NoticeVersion",
    "OAuthApplication",
    "OldSlug",
    "Organization",
    "OrganizationGroupPermission",
    "OrganizationPolicy",
    "OrganizationUserPermission",
    "PeopleCount",
    "Plan",
    "PlanRow",
    "ProfileChange",
    "ProfileSuggestion",
    "ProgramSession",
    "Protection",
    "RecoveryCode",
    "ReleasedAddress",
    "RightsAsk",
    "RightsRequest",
    "RightsVisit",
    "Role",
    "SavedView",
    "Service",
    "ServiceAccess",
    "Session",
    "SetAside",
    "SignalEvent",
    "SignalExclusion",
    "SignalStream",
    "SigningKey",
    "SuccessionCase",
    "Successor",
    "Suppression",
    "Tombstone",
    "Transfer",
    "ValueDispute",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]
