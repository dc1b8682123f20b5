"""The files that are damaged: small clips and stills made by ffmpeg and Pillow, and real ones where given."""

import os
import subprocess
from pathlib import Path

from PIL import Image
from pillow_heif import register_heif_opener

_REAL_MOST = 150_000  # bytes
_PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=0.8")
_SOUND = ("-f", "lavfi", "-i", "sine=r=8000:d=0.8")
_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", "5", "-pix_fmt", "yuv420p", "-threads", "1")
_CLIPS: dict[str, tuple[str, ...]] = {
    "plain.mp4": (*_H264, "-c:a", "aac"),
    "fragments.mp4": (*_H264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "clip.mkv": (*_H264, "-c:a", "aac"),
    "clip.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-threads", "1", "-c:a", "libopus"),
    "clip.avi": ("-c:v", "mjpeg", "-c:a", "pcm_mulaw"),
    "clip.ts": (*_H264, "-c:a", "aac"),
    "clip.flv": (*_H264, "-c:a", "aac"),
    "clip.h264": (*_H264, "-an"),
    "clip.mpg": ("-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2", "-ar", "32000"),
}


def make_bases(folder: Path) -> list[Path]:
    """One file of each kind in `folder`, and the small ones of VIDNE_FOOTAGE; in a settled order."""
    for name, options in _CLIPS.items():
        _ffmpeg(*_PICTURES, *_SOUND, *options, str(folder / name))
    # Begun between two pictures that begin anew: an edit list hides the first.
    _ffmpeg("-ss", "0.3", "-i", str(folder / "plain.mp4"), "-c", "copy", str(folder / "edited.mov"))
    _stills(folder)
    footage = os.environ.get("VIDNE_FOOTAGE", "")
    real = sorted(Path(footage).glob("*/*")) if footage else []
    return sorted(folder.iterdir()) + [path for path in real if 0 < path.stat().st_size <= _REAL_MOST]


def _ffmpeg(*arguments: str) -> None:
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-y",
        *arguments[:-1],
        "-fflags",
        "+bitexact",
        arguments[-1],
    ]
    subprocess.run(command, check=True, capture_output=True)


def _stills(folder: Path) -> None:
    register_heif_opener()
    image = Image.effect_mandelbrot((96, 64), (-3, -2.5, 2, 2.5), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x010F], exif[0x0132], exif[0x0112] = "Vidne", "2026:03:14 22:17:05", 6
    exif.get_ifd(0x8825).update({1: "N", 2: (55.0, 40.0, 12.5), 3: "E", 4: (12.0, 34.0, 5.25)})
    image.save(folder / "still.jpg", exif=exif)
    image.save(folder / "still.heic")
    for ending in ("png", "webp", "gif", "tiff"):
        image.save(folder / f"still.{ending}")
