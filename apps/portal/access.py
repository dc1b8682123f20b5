"""Who may call what: every route of the portal by method, with its rule; one without a rule fails a test.

`open`: anybody. `link`: whoever holds the code of a link. `receipt`: whoever holds the code of a receipt.
`form`: as the two, the code in the form's body, for those without scripts.
"""

from collections.abc import Mapping
from enum import Enum


class Rule(Enum):
    """What a caller has to hold."""

    OPEN = "open"
    LINK = "link"
    RECEIPT = "receipt"
    FORM = "form"


RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/"): Rule.OPEN,
    ("GET", "/send"): Rule.OPEN,
    ("POST", "/send"): Rule.FORM,
    ("GET", "/receipt"): Rule.OPEN,
    ("POST", "/receipt"): Rule.FORM,
    ("GET", "/guidance"): Rule.OPEN,
    ("GET", "/accessibility"): Rule.OPEN,
    ("GET", "/assets/{name}"): Rule.OPEN,
    ("GET", "/robots.txt"): Rule.OPEN,
    ("GET", "/healthz"): Rule.OPEN,
    ("GET", "/api/link"): Rule.LINK,
    ("POST", "/api/visit"): Rule.LINK,
    ("POST", "/api/submissions"): Rule.LINK,
    ("PUT", "/api/submissions/{submission}/answers"): Rule.LINK,
    ("POST", "/api/submissions/{submission}/end"): Rule.LINK,
    ("PUT", "/api/files/{upload}/digest"): Rule.LINK,
    ("GET", "/api/receipt"): Rule.RECEIPT,
    ("GET", "/api/receipt.json"): Rule.RECEIPT,
    ("GET", "/api/receipt.pdf"): Rule.RECEIPT,
    # Served by apps/portal/tus.py, which asks for the link before it reads a byte; OPTIONS tells of nobody.
    ("OPTIONS", "/files"): Rule.OPEN,
    ("POST", "/files"): Rule.LINK,
    ("HEAD", "/files/{upload}"): Rule.LINK,
    ("PATCH", "/files/{upload}"): Rule.LINK,
    ("DELETE", "/files/{upload}"): Rule.LINK,
}
HEADERS = {Rule.LINK: "vidne-link", Rule.RECEIPT: "vidne-receipt"}
