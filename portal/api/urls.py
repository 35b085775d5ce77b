"""The addresses of the API, version 1."""
from django.urls import path, re_path

from portal.api import views

urlpatterns = [
    path("me/", views.me, name="api-me"),
    path("me/organizations/", views.my_organizations, name="api-my-organizations"),
    path("orgs/<slug:slug>/people/", views.people, name="api-people"),
    path("orgs/<slug:slug>/people/<uuid:person_id>/", views.person, name="api-person"),
    path("orgs/<slug:slug>/people/<uuid:person_id>/capabilities/", views.capabilities, name="api-capabilities"),
    path("orgs/<slug:slug>/people/<uuid:person_id>/actions/<slug:power_slug>/", views.action, name="api-action"),
    path("orgs/<slug:slug>/plans/", views.plans, name="api-plans"),
    path("orgs/<slug:slug>/plans/<uuid:plan_id>/", views.plan, name="api-plan"),
    path("orgs/<slug:slug>/audit/", views.audit, name="api-audit"),
    re_path(r"^(?P<rest>.*)$", views.nothing),
]
