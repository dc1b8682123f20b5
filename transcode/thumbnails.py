"""Small pictures for a printed page, made of stills that were stored: in the sandbox, as every decode is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from transcode import ffmpeg
from transcode.sandbox import Command, Limits, output_file, run

_FORMATS = {".png": "png_pipe", ".jpg": "jpeg_pipe"}
_LIMITS = Limits(cpu_s=60, wall_s=120, file_bytes=16 * 1024**2)


def can_show(name: str) -> bool:
    """Whether a stored still of this name is of a kind that `thumbnails` reads."""
    return Path(name).suffix in _FORMATS


def thumbnails(pictures: Sequence[Path], out: Path, box: tuple[int, int]) -> list[Path | None]:
    """A JPEG of each of `pictures` (PNG or JPEG) in the folder `out`, at most `box` pixels (width, height).

    None stands for one that could not be made. The same ffmpeg makes the same bytes. Raises SandboxError,
    ToolMissingError.
    """
    inputs = {f"still-{number}": path for number, path in enumerate(pictures)}
    if inputs:
        _make(inputs, out, box)
    for name, path in inputs.items():
        if _whole(out, name) is None:  # one that cannot be opened ends the command for all
            _make({name: path}, out, box)
    return [_whole(out, name) for name in inputs]


def _make(inputs: Mapping[str, Path], out: Path, box: tuple[int, int]) -> None:
    outputs = [_output(name, _FORMATS[path.suffix], box) for name, path in inputs.items()]
    run(Command(ffmpeg.command(*outputs), inputs=inputs, out=out, limits=_LIMITS))


def _output(name: str, kind: str, box: tuple[int, int]) -> ffmpeg.Output:
    picture = (
        ffmpeg.open_input(f"/in/{name}", {"f": kind, "format_whitelist": kind, "threads": 1})
        .stream("v:0")
        .filter("scale", *box, flags="area", force_original_aspect_ratio="decrease")
        .filter("setsar", 1)
        .filter("format", "yuvj420p")
    )
    options: ffmpeg.Options = {
        "f": "image2",
        "update": 1,
        "c:v": "mjpeg",
        "q:v": 4,
        "frames:v": 1,
        "flags:v": "bitexact",
        "map_metadata": -1,
    }
    return ffmpeg.output([picture], f"/out/{name}.jpg", options)


def _whole(out: Path, name: str) -> Path | None:
    """The JPEG where it was written from its beginning to its end."""
    path = output_file(out, f"{name}.jpg")
    raw = path.read_bytes() if path else b""
    return path if raw.startswith(b"\xff\xd8") and raw.endswith(b"\xff\xd9") else None
