"""What the tester does not know by itself: how bodies of types of our own are written."""

import schemathesis

schemathesis.openapi.media_type("application/offset+octet-stream", __import__("hypothesis").strategies.binary())


@schemathesis.deserializer("application/json")
def document(_context, response):
    """What is JSON, and tokens: the tester takes `application/jwt` for a kind of JSON."""
    if response.headers.get("content-type", [""])[0] == "application/jwt":
        return response.content.decode("ascii")
    return response.json()
