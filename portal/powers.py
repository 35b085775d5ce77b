"""The powers of the whole product: the lists of the packages, added."""
from accounts.powers import POWERS as ACCOUNT_POWERS

POWERS = ACCOUNT_POWERS
BY_SLUG = {power.slug: power for power in POWERS}
BY_CODE = {power.code: power for power in POWERS}
