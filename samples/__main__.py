"""`python -m samples FOLDER [NAME...]` writes the sample footage into a folder."""

import sys
from pathlib import Path

from evidence.errors import UsageError, VidneError
from samples.generator import generate


def main(arguments: list[str]) -> int:
    """Write the samples and print their paths; returns the exit code."""
    try:
        if not arguments:
            raise UsageError("No folder was named.", advice="Write: python -m samples FOLDER [NAME...].")
        for path in generate(Path(arguments[0]), arguments[1:] or None):
            sys.stdout.write(f"{path}\n")
    except VidneError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
