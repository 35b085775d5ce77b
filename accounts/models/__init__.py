from accounts.models.account import Account, Session
from accounts.models.app import OAuthApplication
from accounts.models.count import PeopleCount
from accounts.models.domain import Domain
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
from accounts.models.service import Service, ServiceAccess
from accounts.models.token import ApiToken
from accounts.models.view import SavedView

__all__ = [
    "Account", "ApiToken", "Domain", "Group", "GroupMembership", "IdempotencyKey", "Mail", "Management", "Membership",
    "MembershipSnapshot", "NoticeVersion", "OAuthApplication", "OldSlug", "Organization", "OrganizationGroupPermission", "OrganizationPolicy",
    "OrganizationUserPermission", "PeopleCount", "Plan", "PlanRow", "Protection", "Role", "SavedView", "Service", "ServiceAccess", "Session",
]
