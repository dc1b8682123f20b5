"""`make messages`: brings the translations of the public pages up to date with their templates and words.

What is new is added empty, in English as it stands in the code; what is gone is dropped. A language is begun
with a copy of the folder of another one.
"""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PORTAL = Path(__file__).parents[1] / "apps" / "portal"
LOCALES = PORTAL / "locale"
_SOURCES = [("templates/**.html", "jinja2"), ("words.py", "python")]
_HEADER = """# Texts of the public pages. `make messages` writes this file; a person writes the translations.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def extracted() -> Catalog:
    """Every text of the pages that is to be translated."""
    found = Catalog()
    options = {"templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
    for _, _, message, _, _ in extract_from_dir(PORTAL, _SOURCES, options):
        found.add(message)
    return found


def catalogue(language: str) -> Catalog:
    """The translations of a language as they stand."""
    with po_file(language).open("rb") as stream:
        return read_po(stream, locale=language, domain="portal")


def po_file(language: str) -> Path:
    """Where the translations of a language stand."""
    return LOCALES / language / "LC_MESSAGES" / "portal.po"


def update(language: str) -> None:
    """Write a language's file anew."""
    before = catalogue(language)
    after = Catalog(locale=language, domain="portal")
    for message in extracted():
        if message.id:
            known = before.get(message.id)
            text = known.string if known else ""
            after.add(message.id, text or (message.id if language == "en" else ""), flags=message.flags)
    with po_file(language).open("wb") as stream:
        stream.write(_HEADER.format(language=language).encode())
        write_po(stream, after, width=0, sort_output=True, omit_header=True, no_location=True)


def main() -> None:
    """Bring all languages up to date."""
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/portal.po")):
        update(path.parents[1].name)


if __name__ == "__main__":
    main()
