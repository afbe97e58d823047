"""Images in chat messages: only those that come along as ``data:`` URLs. Pure.

The engine would fetch a remote address itself, and hand what is no image to an external program.
Neither happens: what is passed on has been decoded and has the first bytes of an image.
"""

import base64
import binascii
from typing import Any

from lakeserve.workers.serve.control_tokens import Encoded
from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.fields import an_object, kind_of

# First bytes of the formats that the engine decodes itself.
FORMATS = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff",
    "GIF": b"GIF8",
    "BMP": b"BM",
}
ACCEPTED = f"a data: URL with a base64 {', '.join(FORMATS)} image"


def read_image(part: dict[str, Any], place: str) -> dict[str, Any]:
    """An ``image_url`` part in the form the engine takes.

    Raises:
        ApiError: 400, it is not an image that came along.
    """
    holder = part.get("image_url")
    url = holder if isinstance(holder, str) else an_object(holder, f"{place}.image_url").get("url")
    where = f"{place}.image_url.url"
    if not isinstance(url, str):
        raise invalid(where, f"must be a string, not {kind_of(url)}.", "invalid_type")
    head, comma, data = url.partition(",")
    if not head.startswith("data:") or not comma:
        raise invalid(
            where,
            f"{url[:60]!r} would have to be fetched, which this platform does not do; accepted:"
            f" {ACCEPTED}.",
            "unsupported_content",
        )
    if not head.endswith(";base64"):
        raise invalid(where, f"is not base64; accepted: {ACCEPTED}.")
    try:
        image = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise invalid(where, f"is not valid base64 ({error}); accepted: {ACCEPTED}.") from None
    if not image.startswith(tuple(FORMATS.values())):
        raise invalid(where, f"holds no image that is known here; accepted: {ACCEPTED}.")
    return {"type": "image_url", "image_url": {"url": Encoded(url)}}
