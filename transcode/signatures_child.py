"""Runs in the sandbox, alone: reads the C2PA manifest of /in/src and checks it, prints one JSON object.

`signatures_child.py MEDIA_TYPE`. It imports nothing of Vidne's: only the interpreter and c2pa-python are to
be seen from inside. What it prints is checked by `transcode.signatures`.
"""

import json
import sys
from typing import Any

import c2pa

# There is no network in the sandbox; asked for nothing, the library also waits for nothing.
SETTINGS = {"verify": {"ocsp_fetch": False, "remote_manifest_fetch": False, "verify_trust": True}}


def main(media_type: str) -> dict[str, Any]:
    """State, signer and codes of the active manifest; `absent` where there is none."""
    with open("/in/src", "rb") as file:  # noqa: PTH123 - the library wants a plain file object
        try:
            reader = c2pa.Reader(media_type, file, context=c2pa.Context.from_dict(SETTINGS))
        except c2pa.C2paError.ManifestNotFound:
            return {"state": "absent"}
        except c2pa.C2paError as error:
            return {"failed": f"{type(error).__name__.lstrip('_')}: {error}"}
        with reader:
            manifest = reader.get_active_manifest() or {}
            return {
                "state": reader.get_validation_state(),
                "embedded": reader.is_embedded(),
                "results": (reader.get_validation_results() or {}).get("activeManifest", {}),
                "signature": manifest.get("signature_info", {}),
                "generator": manifest.get("claim_generator", ""),
                "generators": manifest.get("claim_generator_info", []),
                "title": manifest.get("title", ""),
                "ingredients": len(manifest.get("ingredients", [])),
                "assertions": [entry.get("label", "") for entry in manifest.get("assertions", [])],
            }


if __name__ == "__main__":
    json.dump(main(sys.argv[1]), sys.stdout)
