"""AWS's signature of requests, version 4, computed by hand to check what arrives.

Source: AWS's IAM user guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

SERVICE = "bedrock"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request,"
    r" SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
MOST_SKEW = timedelta(minutes=5)


def wrong(
    target: str, headers: Mapping[str, str], body: bytes, key_id: str, secret: str, region: str
) -> str | None:
    """Why a request is not authorized, or None."""
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        return "Missing Authentication Token"
    used, day, where, service, signed, signature = match.groups()
    if (used, where, service) != (key_id, region, SERVICE):
        return "The security token included in the request is invalid."
    moment = headers.get("x-amz-date", "")
    sent = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if abs(datetime.now(timezone.utc) - sent) > MOST_SKEW or not moment.startswith(day):
        return "Signature expired"
    names = signed.split(";")
    if "host" not in names or "x-amz-date" not in names:
        return "'Host' and 'X-Amz-Date' must be signed."
    path, _, query = target.partition("?")
    canonical = "\n".join(
        [
            "POST",
            quote(path, safe="/-_.~"),
            query,
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            signed,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{day}/{region}/{SERVICE}/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        return "The request signature we calculated does not match the signature you provided."
    return None
