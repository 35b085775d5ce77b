"""By when a request has to be answered: pure functions over what happened, with every date explained (RIGHTS section 2)."""
