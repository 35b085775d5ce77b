"""Profile values: who owns each, and what limits people have (POWERS P8)."""
