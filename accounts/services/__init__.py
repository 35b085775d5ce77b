"""The organization's own services: who may use one now, and through what they have access."""
