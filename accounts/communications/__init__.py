"""Optional communications: what can be switched off, who did, and the one gate before sending (policy B7)."""
