"""Every power over people and accounts, written out. Adding one: a file, a line here, a row in tests/matrix.txt, words."""
from accounts.power import Power
from accounts.powers import (
    answer_invitation,
    cancel_invitation,
    change_role,
    create_token,
    deactivate,
    edit_own_profile,
    end_own_session,
    import_people,
    invite,
    lockdown,
    protect,
    reactivate,
    remove,
    require_password_reset,
    reset_second_factor,
    restore,
    restrict,
    revoke_sessions,
    revoke_token,
    revoke_tokens,
    suspend,
    transfer_ownership,
    update_profile,
    withdraw_password_reset,
)

POWERS: tuple[Power, ...] = (
    require_password_reset.POWER, withdraw_password_reset.POWER, revoke_sessions.POWER, revoke_tokens.POWER, update_profile.POWER,
    restrict.POWER, suspend.POWER, restore.POWER, remove.POWER, lockdown.POWER, deactivate.POWER, reactivate.POWER,
    reset_second_factor.POWER, change_role.POWER, transfer_ownership.POWER, protect.POWER, cancel_invitation.POWER, invite.POWER,
    import_people.POWER, create_token.POWER, revoke_token.POWER, edit_own_profile.POWER, end_own_session.POWER,
    answer_invitation.POWER, answer_invitation.LEAVE,
)
BY_SLUG = {power.slug: power for power in POWERS}
BY_CODE = {power.code: power for power in POWERS}
