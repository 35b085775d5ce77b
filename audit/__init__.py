"""The record: append-only entries, their erasable openings, their numbers and tree, and the lock that refuses unaudited writes."""
from uuid import UUID

INSTALLATION = UUID("00000000-0000-4000-8000-000000000001")
"""The log of acts that belong to no organization, such as a person changing their own unmanaged account."""
ROOT = UUID("00000000-0000-4000-8000-000000000002")
"""The log of the signer's statements about all logs: nobody writes to it but the signer."""
