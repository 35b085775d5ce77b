"""What django-allauth reads: sign-in by address and password, second factors, no account enumeration, rate limits."""
from __future__ import annotations

from portal import env

ACCOUNT_ADAPTER = "portal.signin.adapters.Adapter"
MFA_ADAPTER = "portal.signin.adapters.SecondFactorAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_DISPLAY = "portal.signin.adapters.display_name"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 1
ACCOUNT_EMAIL_NOTIFICATIONS = False  # our own notices follow from the audit log
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # strangers get no mail from us
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key", "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip", "reauthenticate": "10/m/user", "change_password": "5/m/user",
    "confirm_email": "1/3m/key", "manage_email": "10/m/user", "signup": "20/m/ip", "rights_link": "20/m/ip,3/m/key",
    "rights_request": "20/m/ip,3/m/key", "rights_code": "30/m/ip", "child_report": "10/h/ip,2/d/key", "device_code": "120/10m/ip,20/10m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("STEWARD_PROXY_COUNT", default=0, least=0, most=10)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Steward"
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {"authenticate": "portal.signin.forms.AuthenticateForm", "reauthenticate": "portal.signin.forms.ReauthenticateForm"}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "accounts.reset_tokens.ResetTokens"
