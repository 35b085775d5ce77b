"""Every power over people's data, written out: their own acts, and what others do for them."""
from accounts.power import Power
from dsar.powers import cases, dialogue, export_person, identity, request_copy

POWERS: tuple[Power, ...] = (request_copy.POWER, export_person.POWER, *cases.POWERS, *dialogue.POWERS, *identity.POWERS)
