"""The front of the security events: what programs call to set up, fetch and try their stream (OpenID Shared Signals Framework 1.0)."""
