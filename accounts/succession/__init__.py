"""Succession: how an organization comes by an owner again when it has lost all of them, slowly and in everybody's sight."""
