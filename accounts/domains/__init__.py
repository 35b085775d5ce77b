"""Domains of an organization: what may be one, how it is proven, and what becomes of it (POWERS P9)."""
