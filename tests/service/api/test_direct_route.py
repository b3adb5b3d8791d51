"""Routes that run their endpoints and nothing around them."""

from typing import Final

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from inference import ModelNotFound
from service import problems
from service.api.direct_route import DirectRoute, DirectRoutesMiddleware

router: Final = APIRouter(route_class=DirectRoute)


@router.post("/cats/fixed")
async def greet_fixed(request: Request) -> Response:
    return PlainTextResponse(request.scope["route"].path)


@router.post("/cats/{name}")
async def greet(request: Request, name: str) -> Response:
    if name == "none":
        raise KeyError(name)
    if name == "lost":
        raise ModelNotFound(name)
    return PlainTextResponse(f"{name} by {request.method}")


def client() -> TestClient:
    app = FastAPI()
    app.include_router(router)
    app.add_exception_handler(KeyError, lambda *_: PlainTextResponse("no cat", status_code=404))
    return TestClient(app)


def test_the_endpoint_gets_the_request_and_its_address() -> None:
    assert client().post("/cats/tom").text == "tom by POST"


def test_another_method_is_refused_with_those_that_are_allowed() -> None:
    answer = client().get("/cats/tom")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_what_the_endpoint_raises_is_answered_by_the_application() -> None:
    assert client().post("/cats/none").status_code == 404


def test_the_route_is_documented() -> None:
    assert "post" in client().get("/openapi.json").json()["paths"]["/cats/{name}"]


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "/cats/tom", 200),
        ("POST", "/cats/lost", 404),
        ("GET", "/cats/tom", 405),
        ("POST", "/dogs", 404),
        ("POST", "/cats/fixed", 200),
        ("GET", "/cats/fixed", 405),
    ],
)
def test_past_the_application_s_routing_the_answers_are_the_same(
    method: str, url: str, status: int
) -> None:
    apps = [FastAPI(), FastAPI()]
    apps[1].add_middleware(DirectRoutesMiddleware, routes=router.routes)
    answers = []
    for app in apps:
        problems.install(app)
        app.include_router(router)
        answers.append(TestClient(app).request(method, url))
    without, direct = answers
    assert (direct.status_code, direct.content) == (status, without.content)
    assert direct.headers == without.headers
