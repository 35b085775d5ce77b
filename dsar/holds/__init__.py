"""Legal holds: what is kept for a matter, whoever wants it gone."""
