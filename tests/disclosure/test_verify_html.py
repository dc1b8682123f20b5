"""verify.html in Chromium, from the disk and offline, agrees with the program."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from hashing.cosignatures import Cosigner
from hashing.keys import fingerprint
from hashing.note_keys import Signer
from hashing.package_files import CHECKPOINT
from tests.disclosure.packages import FILES, Tampered, case_scene, export_all
from tests.hashing.cases import ORIGIN, Scene
from tests.hashing.test_package_witness import BESIDE, SECONDS, W1, W2, cosigned_at_every_size
from tests.hashing.test_package_witness import exported as cosigned_package

PAGE = Path(__file__).parents[2] / "disclosure" / "verify.html"
_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]


@dataclass(frozen=True)
class Told:
    """What the page shows: the verdict, the outcome of each check, and its text."""

    verdict: str
    checks: dict[str, str]
    text: str
    asked: tuple[str, ...]  # every address that the page asked for

    @property
    def failed(self) -> set[str]:
        return {name for name, status in self.checks.items() if status == "fail"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is missing: make test installs it.")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=_FLAGS) as found,
    ):
        yield found


@pytest.fixture
def package(scene: Scene, tmp_path: Path) -> Tampered:
    return Tampered(export_all(scene, tmp_path / "a package"))


def told(
    browser: Browser,
    folder: Path,
    *,
    key: str = "",
    witnesses: Sequence[Cosigner] | str = (),
    page_file: Path = PAGE,
    locale: str = "en-GB",
    seconds: int = 30,
) -> Told:
    """Open the page as a person would, and choose the folder."""
    context = browser.new_context(locale=locale, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    if key or witnesses:
        page.click("summary")
        page.fill("#key", key)
        vkeys = witnesses if isinstance(witnesses, str) else "\n".join(one.verifier.vkey for one in witnesses)
        page.fill("#witnesses", vkeys)
    page.set_input_files("#folder", folder)
    page.wait_for_selector("#result:not([hidden])", timeout=1000 * seconds)
    rows = page.query_selector_all("#checks tr")
    found = Told(
        verdict=page.get_attribute("#verdict", "data-verdict") or "",
        checks={row.get_attribute("data-name") or "": row.get_attribute("data-status") or "" for row in rows},
        text=page.inner_text("body"),
        asked=tuple(asked),
    )
    assert page.evaluate("document.images.length + document.scripts.length") == 1, "text became markup"
    context.close()
    return found


def test_a_package_passes_with_the_key_from_elsewhere(
    browser: Browser, scene: Scene, package: Tampered
) -> None:
    for key in (
        fingerprint(scene.signer.verifier),
        scene.signer.verifier.vkey,
        package.read("log.pub.pem").decode(),
    ):
        seen = told(browser, package.root, key=key)
        assert (seen.verdict, set(seen.checks.values())) == ("allgood", {"pass"})
    assert len(seen.checks) == 10


def test_with_the_packages_own_key_it_says_what_is_not_shown(
    browser: Browser, scene: Scene, package: Tampered
) -> None:
    seen = told(browser, package.root)
    assert (seen.verdict, seen.checks["key"], seen.failed) == ("own", "open", set())
    assert "Who made them is shown only once the fingerprint below has been compared" in seen.text
    assert fingerprint(scene.signer.verifier) in seen.text


def test_the_page_in_the_package_asks_for_nothing_but_itself(browser: Browser, package: Tampered) -> None:
    seen = told(browser, package.root, page_file=package.root / "verify.html", locale="da-DK")
    assert seen.failed == set()
    assert "Delene hører sammen" in seen.text
    own = (package.root / "verify.html").as_uri()
    assert {url for url in seen.asked if not url.startswith("blob:")} == {own}


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_fails_and_names_it(
    browser: Browser, package: Tampered, name: str
) -> None:
    package.flip(name)
    seen = told(browser, package.root)
    assert seen.verdict == "bad"
    assert name in seen.text.partition("Outcome")[2] or name == "tagmanifest-sha256.txt"


@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_an_entry_left_out_in_the_middle_fails_the_chain(
    browser: Browser, package: Tampered, number: int
) -> None:
    assert "case-chain" in told(browser, package.without_entry(number).reseal().root).failed


def test_the_last_entry_left_out_fails(browser: Browser, package: Tampered) -> None:
    assert "export-entry" in told(browser, package.without_entry(11).reseal().root).failed


def test_a_log_signed_anew_with_another_key_fails_by_its_fingerprint(
    browser: Browser, scene: Scene, package: Tampered
) -> None:
    package.rebuild(package.entries(), Signer.generate(ORIGIN))
    assert told(browser, package.root).failed == set(), "a key inside of a package is no trust"
    assert told(browser, package.root, key=fingerprint(scene.signer.verifier)).failed == {"key"}
    assert "checkpoint-signature" in told(browser, package.root, key=scene.signer.verifier.vkey).failed


def test_a_replaced_original_fails_even_where_the_manifests_were_made_right(
    browser: Browser, package: Tampered
) -> None:
    package.write("data/EX-0002.original.mp4", b"another clip").reseal_payload()
    assert told(browser, package.root).failed == {"record", "export-entry"}


def test_an_edited_body_fails(browser: Browser, package: Tampered) -> None:
    raw = package.read("custody/bodies.jsonl").replace(b"clip 1.mp4", b"clip 9.mp4")
    package.write("custody/bodies.jsonl", raw).reseal()
    assert told(browser, package.root).failed == {"bodies"}


@pytest.fixture
def cosigned(tmp_path: Path) -> Tampered:
    """A package of which W1 cosigned an earlier checkpoint, of 10 entries, and W2 its own."""
    return Tampered(cosigned_package(case_scene(tmp_path), tmp_path / "cosigned", (10, W1), (13, W2)))


@pytest.mark.parametrize("locale", ["en-GB", "da-DK"])
def test_what_each_witness_has_seen_is_told_with_its_time(
    browser: Browser, cosigned: Tampered, locale: str
) -> None:
    seen = told(browser, cosigned.root, witnesses=(W1, W2), locale=locale)
    assert (seen.verdict, seen.failed) == ("partly", set())
    assert seen.checks["witness"] == "pass"  # of W2, the last one
    when = f"{datetime.fromtimestamp(SECONDS, UTC):%Y-%m-%dT%H:%M:%SZ}"
    words = {
        "en-GB": "By {} {} had seen the first {} of the case's 11 entries",
        "da-DK": "{1} havde {0} set de første {2} af sagens 11 indførsler",
    }[locale]
    for witness, count in ((W1, 8), (W2, 11)):
        assert words.format(when, witness.name, count) in seen.text


def test_the_signed_tree_begins_with_every_earlier_one(browser: Browser, tmp_path: Path) -> None:
    root, witnesses = cosigned_at_every_size(tmp_path)
    seen = told(browser, root, witnesses=witnesses)
    assert seen.failed == set()
    assert seen.text.count("had seen the first") == len(witnesses)


@pytest.mark.parametrize("path", [CHECKPOINT, f"{BESIDE}10.checkpoint"])
def test_a_line_that_was_taken_out_is_missed(browser: Browser, cosigned: Tampered, path: str) -> None:
    witness = W2 if path == CHECKPOINT else W1
    cosigned.without_lines_of(witness.name, path)
    seen = told(browser, cosigned.root, witnesses=[witness])
    assert seen.failed == {"witness"}
    assert f"{witness.name}: has signed nothing here" in seen.text


def test_a_line_with_another_time_or_by_another_key_fails(browser: Browser, cosigned: Tampered) -> None:
    cosigned.with_another_time(CHECKPOINT, W2)
    assert f"{CHECKPOINT}: is damaged, or has a line under the name {W2.name} that is not by its key" in (
        told(browser, cosigned.root, witnesses=[W2]).text
    )
    seen = told(browser, cosigned.root, witnesses=[Cosigner.generate(W1.name)])
    assert "has signed nothing here" in seen.text


def test_an_earlier_tree_that_is_not_the_beginning_fails(browser: Browser, cosigned: Tampered) -> None:
    path = f"{BESIDE}10.consistency"
    old, first, *rest = cosigned.read(path).splitlines(keepends=True)
    for lines in (
        [old, first, first, *rest[1:]],
        [b"old 9\n", first, *rest],
        [old, *rest],
        [old, first, *rest, first],
    ):
        cosigned.write(path, b"".join(lines)).reseal()
        seen = told(browser, cosigned.root, witnesses=[W1])
        assert seen.failed == {"witness"}
        assert "the signed tree does not begin with" in seen.text


def test_what_is_no_key_of_a_witness_is_said(browser: Browser, scene: Scene, cosigned: Tampered) -> None:
    seen = told(browser, cosigned.root, witnesses=f"w1\n\n{scene.signer.verifier.vkey}\n")
    assert seen.text.count("is no key of a witness") == 4  # in the table and in the list below it


def test_what_is_extra_or_missing_is_named(browser: Browser, package: Tampered) -> None:
    package.write("data/extra <img src=x onerror=alert(1)>.mp4", b"x")
    (package.root / "data" / "EX-0001.working.mp4").unlink()
    seen = told(browser, package.root)
    assert "bag" in seen.failed
    assert "data/extra <img src=x onerror=alert(1)>.mp4: stands in no manifest" in seen.text
    assert "data/EX-0001.working.mp4: is missing" in seen.text


def test_the_pages_own_sha256_is_that_of_the_standard(browser: Browser) -> None:
    page = browser.new_page()
    page.goto(PAGE.as_uri())
    lengths = [*range(130), 1000, 65_536, 1_000_003]
    found = page.evaluate(
        """(lengths) => lengths.map((n) => {
          const bytes = Uint8Array.from({length: n}, (_, i) => (i * 7 + n) & 255), digest = new Sha256();
          for (let at = 0; at < n; at += 97) digest.update(bytes.subarray(at, at + 97));
          return hex(digest.digest());
        })""",
        lengths,
    )
    assert found == [sha256(bytes((i * 7 + n) & 255 for i in range(n))).hexdigest() for n in lengths]
    page.close()
