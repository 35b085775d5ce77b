"""Content lines, as address cards and calendars are written (RFC 6350, RFC 5545): escaped, and folded at 75 bytes."""
from __future__ import annotations

from collections.abc import Iterable


def text(value: str) -> str:
    """A value in which nothing is taken for the end of a line or of a list."""
    value = value.replace("\\", "\\\\").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")
    return "".join(letter for letter in value if letter >= " " and letter != "\x7f")


def folded(line: str) -> str:
    """A line of at most 75 bytes, the rest on lines that begin with a space; no character is cut."""
    out, room = "", 75
    for letter in line:
        width = len(letter.encode())
        if width > room:
            out, room = f"{out}\r\n ", 74
        out, room = out + letter, room - width
    return f"{out}\r\n"


def written(lines: Iterable[str]) -> str:
    return "".join(folded(line) for line in lines)
