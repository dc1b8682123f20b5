"""The languages of the public pages: which there are, which one a visitor reads, and its texts.

A language is a folder in `locale/` with a portal.po, which `make setup` compiles.
"""

from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations
from starlette.requests import HTTPConnection

from evidence.errors import ToolMissingError

DEFAULT = "da"
_DOMAIN = "portal"
_FOLDER = Path(__file__).parent / "locale"
_LONGEST_HEADER = 500  # characters of Accept-Language that are read


@cache
def languages() -> dict[str, str]:
    """Code and own name of each language, Danish first."""
    codes = sorted(path.parents[1].name for path in _FOLDER.glob(f"*/LC_MESSAGES/{_DOMAIN}.mo"))
    codes.sort(key=lambda code: code != DEFAULT)
    return {code: (Locale.parse(code).get_language_name(code) or code).capitalize() for code in codes}


@cache
def gettext_of(language: str) -> NullTranslations:
    """The texts of a language; raises ToolMissingError where they were not compiled."""
    found = Translations.load(_FOLDER, [language], _DOMAIN)
    if not isinstance(found, Translations):  # babel falls back to none at all
        raise ToolMissingError(
            f"The texts of the portal in {language!r} are not compiled.", advice="Run make setup."
        )
    return found


def chosen_language(request: HTTPConnection) -> str:
    """What a visitor reads: `?lang=`, else the best of Accept-Language, else Danish."""
    asked = request.query_params.get("lang", "")
    if asked in languages():
        return asked
    return accepted_language(request.headers.get("accept-language", ""))


def accepted_language(header: str) -> str:
    """The language that a header Accept-Language (RFC 9110, 12.5.4) likes best of those there are."""
    best, best_weight = DEFAULT, 0.0
    for item in header[:_LONGEST_HEADER].split(","):
        tag, _, parameter = item.strip().partition(";")
        code = tag.strip().partition("-")[0].lower()
        weight = _weight(parameter)
        if code in languages() and weight > best_weight:
            best, best_weight = code, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
