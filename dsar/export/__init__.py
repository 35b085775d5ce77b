"""The copy of what is held about one person: read by the data map, packed, sealed, fetched (RIGHTS section 5)."""
