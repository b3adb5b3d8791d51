"""A bare ASGI application that reads a body and answers: what HTTP alone allows. `FILE PORT`."""

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

_ANSWER = b'{"label": "none"}'


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer."""
    while (await receive()).get("more_body"):
        pass
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_ANSWER)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


uvicorn.run(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    log_level="warning",
    access_log=False,
    lifespan="off",
)
