"""How long data is kept: rules of organizations over the data map, what follows from them on any day, and the runs that carry it out (RIGHTS 4d)."""
