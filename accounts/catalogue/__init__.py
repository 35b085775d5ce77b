"""Apps: the catalogue, what an organization thinks of each, installations, and what people allowed them (POWERS P5)."""
