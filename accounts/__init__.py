"""The people of an installation, and what may be done to them."""
