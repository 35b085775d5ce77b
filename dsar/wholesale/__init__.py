"""Everything of an organization in one package: asked for by an owner, told to all of them, made two days later, kept sealed for a week (POWERS P4)."""
