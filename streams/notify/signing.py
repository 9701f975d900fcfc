"""Signatures of what goes to gateways and webhooks and comes from them: HMAC-SHA256 over `<timestamp>.<body>`. Pure.

The timestamp (epoch seconds) is signed with the body, so that an old message cannot be sent again later.
"""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP = "X-Cityops-Timestamp"
SIGNATURE = "X-Cityops-Signature"
WINDOW_S = 300


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Value of the signature's header."""
    return "sha256=" + hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


def headers(secret: str, now_s: float, body: bytes) -> dict[str, str]:
    """Both headers; none without a secret."""
    if not secret:
        return {}
    return {TIMESTAMP: str(int(now_s)), SIGNATURE: sign(secret, int(now_s), body)}


def fault(secret: str, timestamp: str, signature: str, body: bytes, now_s: float) -> str:
    """Why a message is not taken, "" when it is.

    >>> good = headers("s" * 32, 1000, b"{}")
    >>> fault("s" * 32, good[TIMESTAMP], good[SIGNATURE], b"{}", 1100)
    ''
    >>> fault("s" * 32, good[TIMESTAMP], good[SIGNATURE], b"{}", 1301)
    'the timestamp is more than 300 s off; check the clocks'
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12) or not signature:
        return f"want the headers {TIMESTAMP} (epoch seconds) and {SIGNATURE} (sha256=…)"
    if not hmac.compare_digest(sign(secret, int(timestamp), body).encode(), signature.encode()):
        return "the signature is not of this body, timestamp and secret"
    if abs(now_s - int(timestamp)) > WINDOW_S:
        return f"the timestamp is more than {WINDOW_S} s off; check the clocks"
    return ""
