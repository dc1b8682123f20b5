"""The public pages that anyone may read; what forms send is answered by `forms`."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.portal.app import Portal
from apps.portal.assets import give_asset
from apps.portal.forms import Forms
from apps.portal.rendering import Renderer

_PAGES = {
    "/": "front.html",
    "/send": "send.html",
    "/receipt": "receipt.html",
    "/guidance": "guidance.html",
    "/accessibility": "accessibility.html",
}


def routes(portal: Portal) -> list[Route]:
    """The routes of all pages, their forms, and what they are made of."""
    renderer = Renderer(portal)
    forms = Forms(portal, renderer)

    async def page(request: Request) -> Response:
        return renderer.open_page(request, _PAGES[request.url.path])

    async def robots(_request: Request) -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    return [
        *(Route(path, page, methods=["GET"]) for path in _PAGES),
        Route("/send", forms.send, methods=["POST"]),
        Route("/receipt", forms.receipt, methods=["POST"]),
        Route("/assets/{name}", give_asset, methods=["GET"]),
        Route("/robots.txt", robots, methods=["GET"]),
    ]
