"""What ffmpeg and ffprobe, run bare, make and say of a file: what our own results are compared with."""

import subprocess
from pathlib import Path

from evidence.exhibits import Role
from samples.scene import Scene
from transcode.model import Made, StageReport

RATE = 25
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-threads", "1")


def hashes(source: Path, *input_options: str, layout: str = "yuv420p") -> list[str]:
    """The SHA-256 of every frame of the first picture."""
    command = ["ffmpeg", "-v", "error", *input_options, "-i", str(source), "-map", "0:v:0"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", layout, "-f", "framehash", "-hash", "sha256", "-"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.rpartition(",")[2].strip() for line in listing.splitlines() if not line.startswith("#")]


def streams(source: Path) -> list[str]:
    """Codec, packet count and the like of each stream, as ffprobe's words: `h264,160,120,25`, `aac,46`."""
    command = ["ffprobe", "-v", "error", "-count_packets", "-of", "csv=p=0"]
    command += ["-show_entries", "stream=codec_name,width,height,nb_read_packets", str(source)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def filmed(path: Path, scene: Scene, seconds: float, *options: str) -> Path:
    """The scene as an H.264 file of 25 frames a second."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += ["-s", f"{scene.width}x{scene.height}", "-r", str(RATE), "-i", "-", *X264, *options, str(path)]
    frames = b"".join(scene.frame(n / RATE).tobytes() for n in range(round(seconds * RATE)))
    subprocess.run(command, input=frames, check=True, capture_output=True)
    return path


def keyframes(report: StageReport) -> list[Made]:
    """The keyframes that a stage made, in their order."""
    return [one for one in report.made if one.role is Role.KEYFRAME]


def told(report: StageReport) -> dict[int, list[str]]:
    """The reasons of each keyframe, by the number of its frame."""
    found = {}
    for one in keyframes(report):
        number, reasons = one.detail["frame"], one.detail["reasons"]
        assert isinstance(number, int)
        assert isinstance(reasons, list)
        found[number] = [str(reason) for reason in reasons]
    return found


def assert_hashed_as(report: StageReport, expected: list[str]) -> None:
    """Every keyframe is the very frame whose number it has, the first and the last of all among them."""
    for one in keyframes(report):
        number = one.detail["frame"]
        assert isinstance(number, int)
        assert one.detail["pixel_sha256"] == expected[number]
    assert {0, len(expected) - 1} <= told(report).keys()
