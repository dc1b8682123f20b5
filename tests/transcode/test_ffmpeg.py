"""Commands are made of numbers and strings, and no input goes without its safety flags."""

from pathlib import Path
from typing import Any

import pytest

from tests.transcode.conftest import H264, Maker
from transcode import ffmpeg
from transcode.sandbox import Command, run


def inputs(argv: tuple[str, ...]) -> list[list[str]]:
    """The arguments before each `-i`, input by input."""
    found: list[list[str]] = [[]]
    for word in argv[: argv.index("-filter_complex") if "-filter_complex" in argv else None]:
        if word == "-i":
            found.append([])
        else:
            found[-1].append(word)
    return found[:-1]


def copied(*readers: ffmpeg.Input) -> tuple[str, ...]:
    return ffmpeg.command(ffmpeg.output([reader.stream("0") for reader in readers], "-", {"f": "null"}))


def test_each_input_has_every_safety_flag_before_it() -> None:
    argv = copied(
        ffmpeg.open_input(),
        ffmpeg.open_input(options={"r": 25}),
        ffmpeg.open_input("/in/other", {"ss": "1.5"}),
    )
    found = inputs(argv)
    assert len(found) == 3
    for words in found:
        for name, value in ffmpeg.SAFETY.items():
            assert words[words.index(f"-{name}") + 1] == str(value)
    assert [words[words.index("-r") + 1] for words in found if "-r" in words] == ["25"]


def test_the_protocols_allowed_reach_no_network_and_no_list_of_files() -> None:
    assert ffmpeg.SAFETY["protocol_whitelist"] == "file,pipe"


def test_a_probe_has_the_same_flags_before_its_file() -> None:
    argv = ffmpeg.probe(["-show_format"], "/in/copy")
    assert argv[0] == "ffprobe"
    assert argv[-1] == "/in/copy"
    for name, value in ffmpeg.SAFETY.items():
        assert argv[argv.index(f"-{name}") + 1] == str(value)


def test_the_same_file_read_in_the_same_way_is_read_once() -> None:
    first, second = (
        ffmpeg.output([ffmpeg.open_input().stream(index)], f"/out/{index}", {"c": "copy"}) for index in "01"
    )
    argv = ffmpeg.command(first, second)
    assert argv.count("-i") == 1
    assert [argv[at + 1] for at, word in enumerate(argv) if word == "-map"] == ["0:0", "0:1"]


def test_a_command_asks_nothing_and_takes_no_keys() -> None:
    argv = ffmpeg.command(
        ffmpeg.output([ffmpeg.open_input().stream("v")], "-", {"f": "null"}), options=("-progress", "pipe:7")
    )
    assert argv[: argv.index("-progress")] == (
        "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "level+error",
        "-filter_complex_threads", "1",
    )  # fmt: skip


@pytest.mark.parametrize("value", [["a", "b"], ("a",), {"a": 1}, b"raw", object()])
def test_what_is_no_number_and_no_text_is_refused_everywhere(value: Any) -> None:
    stream = ffmpeg.open_input().stream("v")
    for attempt in (
        lambda: ffmpeg.open_input(options={"map": value}),
        lambda: ffmpeg.output([stream], "-", {"f": value}),
        lambda: stream.filter("scale", value),
        lambda: stream.filter("scale", w=value),
        lambda: ffmpeg.join([stream, stream], "ssim", stats_file=value),
    ):
        with pytest.raises(TypeError, match="write it as text"):
            attempt()


def test_a_size_that_would_be_taken_apart_is_refused() -> None:
    with pytest.raises(TypeError, match="write s"):
        ffmpeg.open_input(options={"video_size": "320x240"})


SPECIAL = "a:b=c'd\\e,f[g];h\"i|j%"


def read_back(source: Path, stream: ffmpeg.Stream, work: Path) -> str:
    """What a filter that prints a value printed."""
    shown = stream.filter("metadata", mode="print", file="/out/said.txt")
    argv = ffmpeg.command(ffmpeg.output([shown], "-", {"f": "null", "frames:v": 1}))
    finished = run(Command(argv, inputs={"src": source}, out=work))
    assert finished.ok, finished.stderr
    return (work / "said.txt").read_text().splitlines()[-1]


def test_a_value_with_special_characters_reaches_its_filter_unchanged(film: Maker, tmp_path: Path) -> None:
    marked = ffmpeg.open_input().stream("v").filter("metadata", mode="add", key="said", value=SPECIAL)
    assert read_back(film("plain.mp4", *H264), marked, tmp_path) == f"said={SPECIAL}"


def test_an_expression_given_by_its_place_reaches_its_filter_unchanged(film: Maker, tmp_path: Path) -> None:
    chosen = ffmpeg.open_input().stream("v").filter("select", "gte(n,10)*not(mod(n,2))")
    marked = chosen.filter("metadata", mode="add", key="said", value="yes")
    assert read_back(film("plain.mp4", *H264), marked, tmp_path) == "said=yes"
    assert "pts_time:0.4" in (tmp_path / "said.txt").read_text()


@pytest.mark.parametrize("char", "\\'=:")
def test_a_value_given_by_its_place_that_would_be_escaped_twice_is_refused(char: str) -> None:
    with pytest.raises(TypeError, match="give it by its name"):
        ffmpeg.open_input().stream("v").filter("select", f"a{char}b")


def test_a_stream_is_split_into_as_many_as_asked(film: Maker, tmp_path: Path) -> None:
    parts = ffmpeg.open_input().stream("v").split(3)
    outputs = [
        ffmpeg.output([part], f"/out/{n}.gray", {"f": "rawvideo", "pix_fmt": "gray", "frames:v": 1})
        for n, part in enumerate(parts)
    ]
    finished = run(Command(ffmpeg.command(*outputs), inputs={"src": film("plain.mp4", *H264)}, out=tmp_path))
    assert finished.ok, finished.stderr
    assert len({(tmp_path / f"{n}.gray").read_bytes() for n in range(3)}) == 1


@pytest.mark.parametrize("numbers", [[], [3], [0, 49], list(range(0, 1000, 3))])
def test_frames_are_chosen_by_their_numbers_however_many(numbers: list[int]) -> None:
    picture = ffmpeg.open_input("color=s=16x16:r=25:d=40", {"f": "lavfi", "format_whitelist": "lavfi"})
    chosen = picture.stream("0").filter("select", ffmpeg.numbered(numbers))
    options: ffmpeg.Options = {"f": "framehash", "fps_mode": "passthrough"}
    finished = run(Command(ffmpeg.command(ffmpeg.output([chosen], "pipe:1", options))))
    assert finished.ok, finished.stderr
    lines = [line for line in finished.stdout.decode().splitlines() if not line.startswith("#")]
    assert [int(line.split(",")[2]) for line in lines] == numbers
