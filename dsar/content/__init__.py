"""Read access to what is in a managed account: by two people, on a ground, for a time, every item in the person's ledger (POWERS P3 "in", policy A3)."""
