"""The addresses of signing in. Names are django-allauth's, so that its own redirects find them."""
from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import path, re_path

from portal.signin.recorded import recorded

urlpatterns = [
    path("sign-in/", recorded(account.login, "account.signed_in"), name="account_login"),
    path("sign-in/out/", recorded(account.logout, "account.signed_out"), name="account_logout"),
    path("sign-in/unavailable/", account.account_inactive, name="account_inactive"),
    path("sign-in/again/", recorded(account.reauthenticate, "account.proved_again"), name="account_reauthenticate"),
    path("sign-in/again/code/", recorded(mfa.reauthenticate, "account.proved_again"), name="mfa_reauthenticate"),
    path("sign-in/again/passkey/", recorded(passkeys.reauthenticate_webauthn, "account.proved_again"), name="mfa_reauthenticate_webauthn"),
    path("sign-in/second-step/", recorded(mfa.authenticate, "account.signed_in"), name="mfa_authenticate"),
    path("sign-in/passkey/", recorded(passkeys.login_webauthn, "account.signed_in"), name="mfa_login_webauthn"),
    path("sign-in/confirm/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^sign-in/confirm/(?P<key>[-:\w]+)/$", recorded(account.confirm_email, "account.address_confirmed"), name="account_confirm_email"),
    path("sign-in/forgotten/", recorded(account.password_reset, "account.password_reset_asked"), name="account_reset_password"),
    path("sign-in/forgotten/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(r"^sign-in/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$", recorded(account.password_reset_from_key, "account.password_reset"), name="account_reset_password_from_key"),
    path("sign-in/reset/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("me/password/", recorded(account.password_change, "account.password_changed"), name="account_change_password"),
    path("me/password/set/", recorded(account.password_set, "account.password_changed"), name="account_set_password"),
    path("me/second-factor/", mfa.index, name="mfa_index"),
    path("me/second-factor/app/", recorded(totp.activate_totp, "second_factor.app_added"), name="mfa_activate_totp"),
    path("me/second-factor/app/remove/", recorded(totp.deactivate_totp, "second_factor.app_removed"), name="mfa_deactivate_totp"),
    path("me/second-factor/codes/", recorded(codes.view_recovery_codes, "recovery_codes.viewed", also_get=True), name="mfa_view_recovery_codes"),
    path("me/second-factor/codes/new/", recorded(codes.generate_recovery_codes, "recovery_codes.made"), name="mfa_generate_recovery_codes"),
    path("me/second-factor/codes/download/", recorded(codes.download_recovery_codes, "recovery_codes.viewed", also_get=True), name="mfa_download_recovery_codes"),
    path("me/second-factor/passkeys/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("me/second-factor/passkeys/add/", recorded(passkeys.add_webauthn, "second_factor.passkey_added"), name="mfa_add_webauthn"),
    path("me/second-factor/passkeys/<int:pk>/remove/", recorded(passkeys.remove_webauthn, "second_factor.passkey_removed"), name="mfa_remove_webauthn"),
    path("me/second-factor/passkeys/<int:pk>/name/", recorded(passkeys.edit_webauthn, "second_factor.passkey_renamed"), name="mfa_edit_webauthn"),
]
