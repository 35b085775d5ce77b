"""E-mail addresses of accounts: how one is changed, confirmed, decided, undone, and what stands in the way (POWERS P7)."""
