"""Every route stands in the table with its rule, and the rule holds of the running server."""

from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from apps.portal import api, pages
from apps.portal.access import HEADERS, RULES, Rule
from apps.portal.app import Portal, open_portal
from evidence.links import new_code
from evidence.settings import Settings
from tests.portal.site import Site

_SERVED_ELSEWHERE = {("GET", "/healthz")}  # in application.py
_OF_CODES = sorted(key for key, rule in RULES.items() if rule in HEADERS)


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    return open_portal(Settings(data=tmp_path / "data"))


def routes_of(portal: Portal) -> set[tuple[str, str]]:
    listed = [*api.routes(portal), *pages.routes(portal)]
    assert all(isinstance(route, Route) for route in listed)
    # HEAD comes with each GET, and says no more.
    return {(method, route.path) for route in listed for method in (route.methods or set()) - {"HEAD"}}


def test_every_route_has_its_rule_and_every_rule_its_route(portal: Portal) -> None:
    served = routes_of(portal) | _SERVED_ELSEWHERE
    of_tus = {key for key in RULES if key[1].startswith("/files")}
    assert served == set(RULES) - of_tus
    assert {method for method, _ in of_tus} == {"OPTIONS", "POST", "HEAD", "PATCH", "DELETE"}


def request(client: httpx.Client, method: str, path: str, **headers: str) -> httpx.Response:
    where = path.replace("{submission}", "2" * 20).replace("{upload}", "3" * 20)
    return client.request(method, where, headers={"Tus-Resumable": "1.0.0", **headers}, json={})


@pytest.mark.parametrize(("method", "path"), _OF_CODES, ids=lambda part: str(part))
def test_without_the_code_and_with_a_wrong_one_the_answer_is_the_same(
    client: httpx.Client, method: str, path: str
) -> None:
    header = HEADERS[RULES[method, path]]
    answers = [
        request(client, method, path),
        request(client, method, path, **{header: ""}),
        request(client, method, path, **{header: "no code"}),
        request(client, method, path, **{header: new_code()[0]}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert method == "HEAD" or answers[0].json()["error"] == "link"


def test_a_method_that_no_rule_knows_is_refused(client: httpx.Client) -> None:
    for path in sorted({path for _, path in RULES}):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if (method, path) not in RULES:
                code = request(client, method, path, **{"vidne-link": new_code()[0]}).status_code
                assert code in (404, 405), (method, path)


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/links", "/files2", "/docs", "/metrics", "/.env", "/assets/../app.py"]
)
def test_there_is_nothing_else(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_what_anybody_may_read_is_there(client: httpx.Client) -> None:
    for (method, path), rule in RULES.items():
        if rule is Rule.OPEN and method == "GET" and "{" not in path:
            assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/link"), ("GET", "/nothing"), ("OPTIONS", "/files"), ("POST", "/files")],
)
def test_the_headers_stand_on_everything(client: httpx.Client, method: str, path: str) -> None:
    found = client.request(method, path).headers
    policy = found["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    for name, value in {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
    }.items():
        assert found[name] == value
    assert "permissions-policy" in found
    assert "set-cookie" not in found
    assert "server" not in found
    assert "strict-transport-security" not in found, "not over plain http"


def test_with_https_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    site = Site(tmp_path, {"VIDNE_PORTAL_URL": "https://vidne.example.org"})
    site.start()
    try:
        answer = httpx.get(f"{site.url}/healthz")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    finally:
        site.kill()
