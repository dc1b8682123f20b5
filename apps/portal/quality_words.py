"""What a camera is good for, in plain words for the shop that owns it: measured, with what would improve it.

Of transcode's measures only those that a shop can do something about are told, each with its number.
"""

from evidence.jsontypes import Json, JsonObject
from transcode.summary import BRIGHT, DARK
from transcode.values import decimal, objects

# By name of the measure: what was measured, and what to do where the measure gives advice.
_WORDS = {
    "da": {
        "size": ("Billedet er {value} pixels.", ""),
        "rate": ("Optageren gemmer {value} billeder i sekundet.", ""),
        "gaps": (
            "Der mangler billeder {value} steder.",
            "Optageren taber billeder. En hurtigere disk, et kabel i stedet for trådløst eller færre kameraer"
            " på optageren hjælper.",
        ),
        "dark": (
            "{value} % af billedet er næsten sort.",
            "Mere lys, eller et kamera der er lavet til mørke, vil gøre det lettere at genkende personer.",
        ),
        "bright": (
            "{value} % af billedet er næsten hvidt.",
            "Drej kameraet væk fra lyset, eller skru ned for lysstyrken.",
        ),
        "interlaced": (
            "Billedet er flettet af to halve billeder.",
            "Sæt optageren til hele billeder (progressiv): så får hvert billede dobbelt så mange linjer.",
        ),
        "partial": (
            "Noget af filen kan ikke læses.",
            "Eksportér optagelsen igen, gerne i optagerens eget format.",
        ),
    },
    "en": {
        "size": ("The picture has {value} pixels.", ""),
        "rate": ("The recorder keeps {value} pictures a second.", ""),
        "gaps": (
            "Pictures are missing in {value} places.",
            "The recorder loses pictures. A faster disk, a cable instead of wireless, or fewer cameras on the"
            " recorder helps.",
        ),
        "dark": (
            "{value} % of the picture is nearly black.",
            "More light, or a camera made for the dark, makes it easier to recognise people.",
        ),
        "bright": (
            "{value} % of the picture is nearly white.",
            "Turn the camera away from the light, or lower its brightness.",
        ),
        "interlaced": (
            "Each picture is woven from two half pictures.",
            "Set the recorder to whole pictures (progressive): each then has twice as many lines.",
        ),
        "partial": (
            "Some of the file cannot be read.",
            "Export the recording again, if possible in the recorder's own format.",
        ),
    },
}
_MEASURES = {
    "shown size": "size",
    "measured rate": "rate",
    "gaps over 1.5 x median": "gaps",
    f"share of luma <= {DARK}": "dark",
    f"share of luma >= {BRIGHT}": "bright",
    "interlaced, measured": "interlaced",
}
_ALWAYS = ("size", "rate")  # the others are told where something is to be improved


def quality_words(sections: JsonObject, language: str, *, is_partial: bool = False) -> list[JsonObject]:
    """`[{code, text, advice}]` of one file, advice empty where there is none; in Danish or English."""
    words = _WORDS.get(language, _WORDS["en"])
    quality = sections.get("quality")
    told: list[JsonObject] = []
    for measure in objects(quality.get("measures")) if isinstance(quality, dict) else []:
        code = _MEASURES.get(str(measure.get("name")))
        value = None if code is None else _shown(code, measure.get("value"), language)
        if code is None or value is None or not (code in _ALWAYS or measure.get("advice")):
            continue
        text, advice = words[code]
        told.append({"code": code, "text": text.format(value=value), "advice": advice})
    if is_partial:
        text, advice = words["partial"]
        told.append({"code": "partial", "text": text, "advice": advice})
    return told


def _shown(code: str, value: Json, language: str) -> str | None:
    """The value for a reader; None where nothing was measured."""
    if code == "size":
        return str(value).replace("x", " × ") if isinstance(value, str) else None  # noqa: RUF001 - the sign
    if code == "interlaced":
        return ""
    number = decimal(value)
    if number is None:
        return None
    if code in ("dark", "bright"):
        return f"{100 * number:.0f}"
    text = f"{number:.1f}".removesuffix(".0")
    return text.replace(".", ",") if language == "da" else text
