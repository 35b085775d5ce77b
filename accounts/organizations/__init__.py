"""The life of an organization: its address, its making, its end."""
