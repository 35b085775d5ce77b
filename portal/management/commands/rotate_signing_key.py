"""Give the provider a new key for its statements to programs. What the old one signed goes on verifying for as long as it is valid."""
from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.oauth import keys


class Command(BaseCommand):
    help = "Makes a new key for signing people in to services and apps. The old one is shown for another day and its private half is destroyed."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(f"statements to programs have a new key: {keys.rotate(now=timezone.now()).id}")
