"""`manage.py check`: what must hold of every stored field and every power."""
from __future__ import annotations

from django.apps import apps
from django.core.checks import Error, register


@register()
def audit_classes(**_kwargs: object) -> list[Error]:
    """Every field of our models says how it appears in the audit log."""
    return classes_of("accounts")


def classes_of(package: str) -> list[Error]:
    """The same for the models of one package."""
    found = []
    for model in apps.get_app_config(package).get_models():
        declared = getattr(model, "AUDIT", None)
        if declared is None:
            continue
        names = {f.name for f in model._meta.concrete_fields}
        if names != set(declared):
            found.append(Error(f"{model.__name__}.AUDIT misses or has too many of: {sorted(names ^ set(declared))}", id=f"{package}.E001"))
    return found
