"""Profile values: who owns each, what limits people have, suggestions, disputes, and the daily mail about changes (POWERS P8)."""
