"""Streams: the log, sent on to systems of the organization as it grows. Each stream has a cursor of its own."""
