"""Time stamps of an authority (RFC 3161): that something existed at a time which is not ours to choose. Off unless an authority is configured."""
from __future__ import annotations

import hashlib
import logging

from django.conf import settings
from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder, decode_timestamp_response

from audit import outbound

logger = logging.getLogger("steward.timestamping")
SECONDS = 10.0
_LIMIT = 256 * 1024
_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def stamp(data: bytes) -> bytes | None:
    """The authority's answer over this data (DER of a TimeStampResp), checked to be about it; None where there is no authority or it does not answer rightly."""
    if not settings.TIMESTAMP_URL:
        return None
    # SHA-256 is what the verifiers of a bundle look for; the library's own choice is SHA-512.
    request = TimestampRequestBuilder(data=data).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        said = outbound.request("POST", settings.TIMESTAMP_URL, headers=_HEADERS, body=request.as_bytes(), seconds=SECONDS, limit=_LIMIT, configured=True)
        if said.status != 200:
            raise ValueError(f"status {said.status}")
        response = decode_timestamp_response(said.body)
        if PKIStatus(response.status) not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            raise ValueError("not granted")
        token = response.tst_info
        if token.message_imprint.message != hashlib.sha256(data).digest() or token.nonce != request.nonce:
            raise ValueError("it stamped something else")
    except (outbound.NotSent, ValueError, TypeError) as error:
        logger.warning("the time-stamping authority did not stamp (%s)", type(error).__name__ if isinstance(error, TypeError) else error)
        return None
    return said.body

