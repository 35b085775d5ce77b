#!/usr/bin/env python3
"""Django's command line for Steward."""
import os
import sys


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        print(f"steward: {error}", file=sys.stderr)
        return 2
    except OperationalError as error:
        lines = str(error).strip().splitlines() or ["no answer"]
        print(f"steward: the database does not answer. Start it with make run, or set DATABASE_URL. ({lines[0]})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
