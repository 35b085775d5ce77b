"""Every power of people over their own data, written out."""
from accounts.power import Power
from dsar.powers import request_copy

POWERS: tuple[Power, ...] = (request_copy.POWER,)
