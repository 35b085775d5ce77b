"""Claims: control of accounts by owning the domain of their address, announced to each person before it begins (POWERS P9)."""
