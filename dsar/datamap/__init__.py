"""What is kept about people, declared once: export, erasure, retention, the privacy page and the record of processing are walks over it."""

from __future__ import annotations

from dsar.datamap import accounts, cases, claims, communications, connected, holds, libraries, lifecycle, log, profile, programs, registers, retention, rights, working
from dsar.datamap.kinds import DataMap, Nothing, Unit
from dsar.datamap.stores import STORES

UNITS: tuple[Unit, ...] = (*accounts.UNITS, *working.UNITS, *connected.UNITS, *programs.UNITS, *lifecycle.UNITS, *claims.UNITS, *profile.UNITS, *rights.UNITS, *communications.UNITS, *cases.UNITS,
                           *registers.UNITS, *retention.UNITS, *holds.UNITS, *libraries.UNITS, *log.UNITS)
NOTHING: tuple[Nothing, ...] = (*claims.NOTHING, *log.NOTHING, *libraries.NOTHING, *registers.NOTHING, *retention.NOTHING)
MAP = DataMap(units=UNITS, nothing=NOTHING, stores=STORES, by_table={unit.table: unit for unit in UNITS})
