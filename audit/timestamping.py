"""Time stamps of an authority (RFC 3161): that something existed at a time which is not ours to choose. Off unless an authority is configured."""
from __future__ import annotations

import hashlib
import http.client
import logging
from typing import Any

from django.conf import settings
from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder, decode_timestamp_response

from audit import peers

logger = logging.getLogger("steward.timestamping")
SECONDS = 10.0
_LIMIT = 256 * 1024
_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def stamp(data: bytes) -> bytes | None:
    """The authority's answer over this data (DER of a TimeStampResp), checked to be about it; None where there is no authority or it does not answer rightly."""
    if not settings.TIMESTAMP_URL:
        return None
    request = TimestampRequestBuilder(data=data).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        status, answer = peers.post(settings.TIMESTAMP_URL, request.as_bytes(), headers=_HEADERS, seconds=SECONDS, limit=_LIMIT)
        if status != 200:
            raise ValueError(f"status {status}")
        response = decode_timestamp_response(answer)
        if PKIStatus(response.status) not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            raise ValueError("not granted")
        said = response.tst_info
        if said.message_imprint.message != _imprint(data, request) or said.nonce != request.nonce:
            raise ValueError("it stamped something else")
    except (OSError, http.client.HTTPException, ValueError, TypeError) as error:
        logger.warning("the time-stamping authority did not stamp (%s)", error if isinstance(error, ValueError) else type(error).__name__)
        return None
    return answer


def _imprint(data: bytes, request: Any) -> bytes:
    """The digest that was asked for, computed by ourselves: SHA-256, which the verifiers of a bundle look for."""
    name = {32: hashlib.sha256, 48: hashlib.sha384, 64: hashlib.sha512}[len(request.message_imprint.message)]
    return name(data).digest()

