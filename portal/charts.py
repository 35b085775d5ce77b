"""Charts drawn on the server: SVG with attributes and classes only, so that the content policy, dark mode and forced colours hold."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDTH, _HEIGHT, _FOOT = 640, 180, 22


@dataclass(frozen=True)
class Chart:
    """Columns over time or kinds. `series` are (name, class) and `points` (label, a value for each series); the same data is the table beside it."""

    id: str
    title: str
    description: str
    head: str
    series: Sequence[tuple[str, str]]
    points: Sequence[tuple[str, Sequence[int]]]

    @property
    def empty(self) -> bool:
        """Nothing to draw: no point is above zero."""
        return not any(value for _label, values in self.points for value in values)

    @property
    def svg(self) -> SafeString:
        """The drawing. Screen readers get title and description; the numbers are in the table."""
        top = max([value for _label, values in self.points for value in values] or [1]) or 1
        slot = _WIDTH / max(1, len(self.points))
        wide = min(36.0, slot * 0.7 / len(self.series))
        bars, labels = [], []
        step = max(1, round(len(self.points) / 8))
        for number, (label, values) in enumerate(self.points):
            left = number * slot + (slot - wide * len(values)) / 2
            for place, value in enumerate(values):
                tall = (_HEIGHT - _FOOT - 18) * value / top
                bars.append((self.series[place][1], f"{left + place * wide:.1f}", f"{_HEIGHT - _FOOT - tall:.1f}", f"{wide:.1f}", f"{tall:.1f}"))
            if number % step == 0:
                labels.append((f"{number * slot + slot / 2:.1f}", _HEIGHT - 6, label))
        return format_html(
            '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title><desc id="{}-d">{}</desc><line class="axis" x1="0" y1="{}" x2="{}" y2="{}"/>'
            '<text class="top" x="0" y="12">{}</text>{}{}</svg>',
            _WIDTH, _HEIGHT, self.id, self.id, self.id, self.title, self.id, self.description, _HEIGHT - _FOOT, _WIDTH, _HEIGHT - _FOOT, top,
            format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>', bars), format_html_join("", '<text x="{}" y="{}" text-anchor="middle">{}</text>', labels))
