"""Acts that happen later: what is scheduled about a person, what ends it, and what happens when its time has come (POWERS P2, P6; guard rail 11)."""
