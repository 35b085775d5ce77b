"""Requests of people about their own data: a case, one action for each right, one task for each piece of work (RIGHTS section 3, decision 0043)."""
