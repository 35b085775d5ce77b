"""Query parameters that several lists share."""

from __future__ import annotations

from accounts import listing_query
from portal.api.operation import Param
from portal.api.schema import choice, number, text

P_CURSOR = Param(name="cursor", schema=text(2000, sample=""), about="`next` or `previous` of a page. It belongs to this list with this filter and order.")
P_LIMIT = Param(name="limit", schema=number(1, 100, sample=25), about="How many at most; 25 without it.")
P_Q = Param(name="q", schema=text(200, sample="sam"), about="Words that begin a word of the name or address.")
PEOPLE_FILTER = (
    P_Q,
    Param(name="status", schema=choice(*listing_query.STATUSES), about="Only these; without it everybody who was not removed."),
    Param(name="role", schema=text(40, like=r"^[-a-zA-Z0-9_]+$", sample="member"), about="The slug of a role."),
    Param(name="mfa", schema=choice("yes", "no"), about="With or without a second factor."),
)
P_SORT = Param(name="sort", schema=choice(*listing_query.SORTS, *(f"-{s}" for s in listing_query.SORTS)), about="Order; with a minus sign the other way round.")
