"""What the API answers about oneself: one's organizations, standing, ledger, notices."""

from __future__ import annotations

from accounts.models.membership import MembershipStatus
from portal.api.schema import STAMP, choice, flag, many, nullable, number, table, text, thing
from portal.api.shapes import CURSOR, ID, MAYBE_ID, MAYBE_STAMP, ROLE_REF

ORGANIZATION = thing({"slug": text(50, sample="northwind"), "name": text(200, sample="Northwind"), "membership_id": ID, "status": choice(*MembershipStatus.values), "role": ROLE_REF})
ORGANIZATIONS = thing({"organizations": many(ORGANIZATION)})
STANDING = thing(
    {
        "slug": text(50, sample="northwind"),
        "name": text(200, sample="Northwind"),
        "time_zone": text(64, sample="UTC"),
        "membership_id": MAYBE_ID,
        "rank": number(0, 100),
        "tier": number(0, 2),
        "permissions": many(text(60, sample="view_people")) | {"description": "What this caller may do here now: of the role, and of the token's scopes."},
    }
)
ME = thing({"account_id": ID, "name": text(200, sample="Sam Sample"), "email": text(320, sample="sam@example.com"), "kind": choice("user", "api_token"), "token_id": MAYBE_ID})
PROFILE = thing(
    {
        "account_id": ID,
        "name": text(200, sample="Sam Sample"),
        "email": text(320, sample="sam@example.com"),
        "language": text(12, sample="en"),
        "time_zone": text(64, sample="Europe/Berlin"),
        "refuses_invitations": flag(),
        "second_factor": flag(),
        "created_at": STAMP,
    }
)
INVITATIONS = thing({"invitations": many(thing({"membership_id": ID, "organization": text(200, sample="Northwind"), "role": ROLE_REF, "invited_at": MAYBE_STAMP, "expires_at": MAYBE_STAMP}))})
LEDGER = thing(
    {
        "acts": many(
            thing(
                {
                    "id": ID,
                    "at": STAMP,
                    "organization": text(50, sample="northwind"),
                    "event": text(80, sample="membership.suspended"),
                    "text": text(600, sample="Kim Kind suspended Sam Sample"),
                    "by": text(254, sample="Kim Kind"),
                    "role": text(100, sample="Administrator"),
                    "reason_code": text(60, sample="absence"),
                    "ground": text(200, sample="On leave or away"),
                    "message": text(2000, sample="On leave until May."),
                    "ended": table(number(0)) | {"examples": [{"sessions": 2}]},
                }
            )
        ),
        "next": CURSOR,
    }
)
MY_POWERS = thing(
    {
        "organizations": many(
            thing(
                {
                    "organization": text(50, sample="northwind"),
                    "name": text(200, sample="Northwind"),
                    "managed": flag("Whether it controls the account itself, not only the membership."),
                    "basis": choice("membership", "domain_claim", "created_by_org", "scim", "transfer"),
                    "basis_text": text(200, sample="the organization created the account"),
                    "since": MAYBE_STAMP,
                    "notice_version": nullable(number(1, about="The version of its notice that you were shown before it came to manage the account.")),
                    "powers": many(
                        thing(
                            {
                                "power": text(60, sample="suspend"),
                                "title": text(100, sample="Suspend"),
                                "does": text(500, sample="Stops all access to this organization's services."),
                                "reach": choice("membership", "account"),
                            }
                        )
                    ),
                }
            )
        )
    }
)
NOTICES = thing(
    {
        "notices": many(
            thing(
                {
                    "id": ID,
                    "organization": nullable(text(50, sample="northwind")),
                    "subject": text(300, sample="Your access was suspended"),
                    "text": text(100_000, sample="Dear Sam, …"),
                    "created_at": STAMP,
                    "read_at": MAYBE_STAMP,
                    "asks": nullable(choice("read", "important")) | {"description": "Whether you are asked to confirm that you read it."},
                    "acknowledged_at": MAYBE_STAMP,
                }
            )
        ),
        "next": CURSOR,
    }
)
