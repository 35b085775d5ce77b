"""A second clock, written another way: it walks day by day with a calendar in its hand and knows nothing of periods or sets."""
from __future__ import annotations

from datetime import date, timedelta

from dsar.clock.days import Seat

ONE = timedelta(days=1)


def due(law: str, received: date, pauses: list[tuple[date, date]], *, extended: bool, seat: Seat) -> date:
    """The statutory date. `pauses` are answered clarifications, (asked, answered), that do not overlap."""
    months = {"eu": (1, 3), "uk": (1, 3)}.get(law)
    skipped = 0
    for asked, answered in pauses if months else []:
        if law == "eu" and asked > received + 5 * ONE:
            continue
        day = asked
        while day < answered or (law == "uk" and day == answered):
            skipped += 1 if law == "eu" or day > received else 0
            day += ONE
    if months:
        day, left = received, months[extended]
        month = day.month
        while left:  # forward to the first of the month it ends in
            day += ONE
            if day.month != month:
                month, left = day.month, left - 1
        while day.day < received.day and (day + ONE).month == month:
            day += ONE
    else:
        day = received
        for _n in range({"california": (45, 90), "virginia": (45, 90), "brazil": (15, 15)}[law][extended]):
            day += ONE
    for _n in range(skipped):
        day += ONE
    while months and seat.closed(day):
        day += ONE
    return day
