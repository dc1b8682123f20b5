from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fuzz.bases import make_bases
from tests.fuzz.case import COUNT, FIRST, SEED


def pytest_report_header() -> str:
    return f"fuzz: VIDNE_FUZZ_SEED={SEED} VIDNE_FUZZ_FIRST={FIRST} VIDNE_FUZZ_COUNT={COUNT}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("passed", [])
    ends = Counter(value for report in reports for name, value in report.user_properties if name == "end")
    for end, count in ends.most_common():
        terminalreporter.write_line(f"fuzz: {count} {end}")


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """What is damaged."""
    return make_bases(tmp_path_factory.mktemp("bases"))
