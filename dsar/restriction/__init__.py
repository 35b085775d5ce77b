"""Restriction: what an organization holds about a person may be stored and nothing else, until that is lifted (policy B7, RIGHTS 3e, Art. 18 GDPR)."""
