"""Answers to what cannot be done: JSON for scripts, a page for people; fixed sentences in their language."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from apps.portal.access_log import where
from apps.portal.app import Portal
from apps.portal.bodies import BodyError
from apps.portal.errors import Problem, answer_with, problem_of, sentence
from apps.portal.languages import chosen_language
from apps.portal.rendering import Renderer

log = logging.getLogger("vidne.portal")

WENT_AWAY = 499  # as others write it
_FOR_SCRIPTS = ("/api/", "/files", "/healthz")
_BODY = {
    "type": Problem(415, "body-type"),
    "long": Problem(413, "body-large"),
    "slow": Problem(408, "body-slow"),
}
_FIELDS = {
    "unknown": ("The field {field} is not known.", "Feltet {field} kendes ikke."),
    "missing": ("The field {field} is missing.", "Feltet {field} mangler."),
    "value": ("The field {field} cannot be understood.", "Feltet {field} kan ikke forstås."),
}


class Problems:
    """Makes these answers for one portal."""

    def __init__(self, portal: Portal) -> None:
        """`portal` has what its pages look like."""
        self._renderer = Renderer(portal)

    async def of_error(self, request: Request, error: Exception) -> Response:
        """The answer to an error of ours."""
        language = chosen_language(request)
        if isinstance(error, BodyError):
            said = _FIELDS.get(error.code)
            problem = _BODY.get(error.code, Problem(400, "body"))
            if said is not None:
                text = said[language == "da"].format(field=error.field)
                return self._answer(request, problem, text)
            return self._answer(request, problem, sentence(problem.code, language))
        problem = problem_of(error)
        if problem.status >= 500:
            log.warning("answered with %s: %s", problem.code, where(error))
        return self._answer(request, problem, sentence(problem.code, language))

    async def of_status(self, request: Request, error: Exception) -> Response:
        """The answer to a path or a method that there is not."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        code = {404: "nothing", 405: "method"}.get(status, "request" if status < 500 else "broken")
        return self._answer(request, Problem(status, code), sentence(code, chosen_language(request)))

    async def of_absence(self, _request: Request, _error: Exception) -> Response:
        """For the log alone: who asked has gone away."""
        return Response(status_code=WENT_AWAY)

    async def of_anything(self, request: Request, _error: Exception) -> Response:
        """The answer to what nobody thought of; the log at the edge tells where it came from."""
        return self._answer(request, Problem(500, "broken"), sentence("broken", chosen_language(request)))

    async def busy(self, scope: Scope, receive: Receive, send: Send, seconds: int) -> None:
        """Tell to come again after so many seconds."""
        request = Request(scope)
        text = sentence("busy", chosen_language(request))
        await self._answer(request, Problem(429, "busy", seconds), text)(scope, receive, send)

    async def broken(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As `of_anything`, where even that could not be made."""
        await PlainTextResponse(sentence("broken", "da"), 500)(scope, receive, send)

    def _answer(self, request: Request, problem: Problem, text: str) -> Response:
        if request.url.path.startswith(_FOR_SCRIPTS):
            answer = answer_with(problem, text, chosen_language(request))
            return Response(answer.body, answer.status, {k.decode(): v.decode() for k, v in answer.headers})
        response = self._renderer.page(request, "problem.html", status=problem.status, problem=text)
        if problem.retry_after is not None:
            response.headers["retry-after"] = str(problem.retry_after)
        return response
