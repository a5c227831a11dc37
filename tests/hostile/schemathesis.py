"""What the tester does not know by itself: how bodies of types of our own are written."""

import schemathesis

schemathesis.openapi.media_type("application/offset+octet-stream", __import__("hypothesis").strategies.binary())
