"""Every address of the product."""
from django.urls import include, path

from portal.api import docs
from portal.surfaces import bulk, page
from portal.views import administrators, audit, components, dashboard, find, groups, help, importing, jobs, log, me, notices, people, plans, saved, system

handler404 = "portal.views.errors.not_found"
handler500 = "portal.views.errors.failed"

urlpatterns = [
    path("", me.home, name="home"),
    path("", include("portal.signin.urls")),
    path("me/", me.profile, name="me"),
    path("me/sessions/", me.sessions, name="me-sessions"),
    path("me/notices/", notices.index, name="me-notices"),
    path("me/invitations/<uuid:membership_id>/", me.answer, name="me-invitation"),
    path("invitation/<str:token>/", me.invitation, name="invitation"),
    path("stop/<str:token>/", me.stop_reset, name="stop-second-factor-reset"),
    path("mailbox/", system.mails, name="mailbox"),
    path("mailbox/<str:name>/", system.mail, name="mail"),
    path("operator/", system.operator, name="operator"),
    path("api/", docs.page, name="api-docs"),
    path("api/v1/", include("portal.api.urls")),
    path("log/keys.json", log.public_keys, name="log-keys"),
    path("log/policy", log.policy, name="log-policy"),
    path("log/receipt/", log.receipt, name="log-receipt"),
    path("log/checkpoint", log.checkpoint, name="log-checkpoint"),
    path("log/tile/<int:level>/<path:number>", log.tile, name="log-tile"),
    path("log/<slug:opaque>/checkpoint", log.checkpoint, name="log-of-checkpoint"),
    path("log/<slug:opaque>/tile/<int:level>/<path:number>", log.tile, name="log-of-tile"),
    path("o/<slug:slug>/", me.organization, name="org-home"),
    path("o/<slug:slug>/overview/", dashboard.index, name="overview"),
    path("o/<slug:slug>/views/", saved.index, name="views"),
    path("o/<slug:slug>/people/", people.index, name="people"),
    path("o/<slug:slug>/people/import/", importing.upload, name="people-import"),
    path("o/<slug:slug>/people/bulk/", bulk.choose, name="people-bulk"),
    path("o/<slug:slug>/jobs/", jobs.index, name="jobs"),
    path("o/<slug:slug>/jobs/<uuid:plan_id>/", jobs.detail, name="job"),
    path("o/<slug:slug>/people/export.csv", importing.export, name="people-export"),
    path("o/<slug:slug>/people/<uuid:person_id>/", people.detail, name="person"),
    path("o/<slug:slug>/people/<uuid:person_id>/<slug:power_slug>/", page.on_person, name="power"),
    path("o/<slug:slug>/do/<slug:power_slug>/", page.on_organization, name="organization-power"),
    path("o/<slug:slug>/administrators/", administrators.index, name="administrators"),
    path("o/<slug:slug>/administrators/roles/", administrators.roles, name="roles"),
    path("o/<slug:slug>/administrators/roles/<uuid:role_id>/<slug:power_slug>/", page.on_role, name="role-power"),
    path("o/<slug:slug>/administrators/service-accounts/", administrators.service_accounts, name="service-accounts"),
    path("o/<slug:slug>/administrators/service-accounts/<uuid:person_id>/", administrators.service_account, name="service-account"),
    path("o/<slug:slug>/groups/", groups.index, name="groups"),
    path("o/<slug:slug>/groups/<uuid:group_id>/", groups.detail, name="group"),
    path("o/<slug:slug>/groups/<uuid:group_id>/people/", groups.add, name="group-people"),
    path("o/<slug:slug>/groups/<uuid:group_id>/<slug:power_slug>/", page.on_group, name="group-power"),
    path("o/<slug:slug>/approvals/", plans.index, name="plans"),
    path("o/<slug:slug>/approvals/<uuid:plan_id>/", plans.detail, name="plan"),
    path("o/<slug:slug>/audit/", audit.index, name="audit"),
    path("o/<slug:slug>/audit/<uuid:entry_id>/", audit.entry, name="entry"),
    path("o/<slug:slug>/audit/<uuid:entry_id>/receipt.txt", audit.receipt, name="entry-receipt"),
    path("o/<slug:slug>/tokens/", me.tokens, name="tokens"),
    path("o/<slug:slug>/help/", help.index, name="help"),
    path("o/<slug:slug>/help/<slug:power_slug>/", help.power, name="help-power"),
    path("o/<slug:slug>/find/", find.find, name="find"),
    path("o/<slug:slug>/go/<slug:section>/", find.go, name="go"),
    path("__components/", components.page, name="components"),
]
