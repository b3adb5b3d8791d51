"""The caller behind a proxy: read from trusted proxies alone, in either header."""

import logging

import pytest
from fastapi.testclient import TestClient

from service.edge.forwarded import read_forwarded
from tests.conftest import ClientFactory

# The test client's own address is "testclient", which is no address and can be named all the same.
PROXIES = "testclient,10.0.0.0/8,2001:db8::/32"


def logged_client(
    client: TestClient, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> str:
    caplog.clear()
    with caplog.at_level(logging.INFO, "service.telemetry.observability"):
        client.get("/models", headers=headers)
    (line,) = [r.getMessage() for r in caplog.records if "request_done" in r.getMessage()]
    return next(part for part in line.split() if part.startswith("client="))[7:]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Forwarded-For": "192.0.2.1"}, "192.0.2.1"),
        ({"Forwarded": "for=192.0.2.1"}, "192.0.2.1"),
        ({"Forwarded": 'for="192.0.2.1:4711";proto=https;by=203.0.113.43'}, "192.0.2.1"),
        ({"Forwarded": 'For="[2001:dba::17]:4711"'}, "2001:dba::17"),
        ({"Forwarded": "for=192.0.2.1:4711"}, "192.0.2.1"),
        # The client chose the first; the proxies in between are passed over.
        ({"Forwarded": "for=1.2.3.4, for=192.0.2.1, for=10.1.2.3"}, "192.0.2.1"),
        ({"Forwarded": 'for=192.0.2.1;proto=http, for="[2001:db8::9]"'}, "192.0.2.1"),
        ({"Forwarded": "for=unknown, for=10.1.2.3"}, "unknown"),
        # What the proxy writes counts, not what it passes on from the client.
        ({"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=1.2.3.4"}, "192.0.2.1"),
        ({"Forwarded": "for=192.0.2.1; nonsense"}, "testclient"),
        ({}, "testclient"),
    ],
)
def test_the_client_is_the_first_that_is_no_proxy(
    start_service: ClientFactory,
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
    expected: str,
) -> None:
    client = start_service(trusted_proxies=PROXIES)
    assert logged_client(client, caplog, headers) == expected


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8"])
def test_nobody_else_is_believed(
    start_service: ClientFactory, caplog: pytest.LogCaptureFixture, header: str, trusted: str
) -> None:
    client = start_service(trusted_proxies=trusted)
    value = "for=192.0.2.1" if header == "Forwarded" else "192.0.2.1"
    assert logged_client(client, caplog, {header: value}) == "testclient"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "a b status=200 path=/x"},
        {"Forwarded": 'for="a b status=200 path=/x"'},
    ],
)
def test_what_is_no_address_forges_no_field_of_the_log(
    start_service: ClientFactory, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    client = start_service(trusted_proxies=PROXIES)
    logged_client(client, caplog, headers)
    (line,) = [r.getMessage() for r in caplog.records if "request_done" in r.getMessage()]
    assert line.count(" status=") == line.count(" path=") == 1


@pytest.mark.parametrize(
    ("header", "hops"),
    [
        ("for=a;by=b;proto=http, for=c", [{"for": "a", "by": "b", "proto": "http"}, {"for": "c"}]),
        (r'for="_x\"y"', [{"for": "unknown"}]),
        ("", []),
        (",,", []),
        ("for", []),
        ("for=", []),
        ('for="open', []),
        ("for=a b", []),
        ("for=" + "a" * 5000, [{"for": "a" * 5000}]),
    ],
)
def test_the_header_is_read_or_left_alone(header: str, hops: list[dict[str, str]]) -> None:
    assert read_forwarded(header) == hops
