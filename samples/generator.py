"""Makes the sample footage: a folder of short files such as citizens, shops and recorders hand in.

The programs run here are ours, on pictures of our own; footage from outside is opened only in the sandbox.
The same ffmpeg version makes the same bytes (samples/digests.txt).
"""

import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np
from PIL import ExifTags, Image

from evidence.errors import ToolMissingError, UsageError, VidneError
from samples.scene import Figure, Plane, Scene

_EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-threads", "1")
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p")
_TAKEN = "2026-03-14T21:17:00Z"
_WALKERS = (Figure(0.8, 3.0), Figure(4.4, 7.0, rightwards=False, lightness=200, tint=(150, 120)))


def generate(out: Path, names: Iterable[str] | None = None) -> list[Path]:
    """Write the samples into the folder `out` (made where it is absent); all of them, or those in `names`.

    Returns their paths. Raises UsageError for an unknown name, ToolMissingError without ffmpeg.
    """
    chosen = list(SAMPLES) if names is None else list(names)
    unknown = [name for name in chosen if name not in SAMPLES]
    if unknown:
        raise UsageError(
            f"No sample is called {', '.join(unknown)}.", advice=f"There are: {', '.join(SAMPLES)}."
        )
    out.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        SAMPLES[name](out / name)
    return [out / name for name in chosen]


def clip(
    path: Path, *, seconds: float = 2.0, size: tuple[int, int] = (320, 240), rate: int = 25, seed: int = 0
) -> Path:
    """One H.264 clip at `path` (the suffix chooses the container) with a figure that crosses it.

    `size` is width and height, both even; each `seed` gives other bytes.
    """
    scene = Scene(*size, seed=seed, figures=(Figure(seconds * 0.2, seconds * 0.8),))
    return _film(path, scene, seconds, rate)


def _times(seconds: float, rate: int) -> list[float]:
    return [number / rate for number in range(round(seconds * rate))]


def _film(path: Path, scene: Scene, seconds: float, rate: int, *options: str) -> Path:
    frames = (scene.frame(time) for time in _times(seconds, rate))
    return _encode(path, (scene.width, scene.height), frames, rate, _X264, options)


def _cctv(path: Path) -> None:
    """A fixed camera, H.264 at 1280x720: two people pass one after the other."""
    _film(path, Scene(1280, 720, seed=1, figures=_WALKERS), 8, 25, "-g", "50")


def _phone(path: Path) -> None:
    """A phone held upright: variable rate, turned by the display matrix, GPS fix, AAC."""
    upright = Scene(540, 960, seed=2, figures=(Figure(0.5, 3.5, height=0.3),), pan=40)
    tags = {
        "location": "+55.6761+012.5683/",
        "make": "Vidne",
        "model": "Sample phone",
        "creation_time": _TAKEN,
    }
    _encode(
        path,
        (960, 540),
        (_lying(upright.frame(time), upright) for time in _times(4, 30)),
        30,
        # Frames come 25 to 45 ms apart, as in dim light.
        ("-vf", "settb=1/90000,setpts=(N+0.35*sin(N*0.7))*3000", "-fps_mode", "passthrough", *_X264),
        ("-enc_time_base", "1:90000", "-video_track_timescale", "90000", "-c:a", "aac", "-b:a", "96k"),
        (arg for key, value in tags.items() for arg in ("-metadata", f"{key}={value}")),
        ("-movflags", "use_metadata_tags"),
        audio="sine=frequency=440:sample_rate=44100:duration=4",
    )
    _turn(path, 540)


def _dvr(path: Path) -> None:
    """A recorder's export: 704x288 interlaced, pixels that aren't square, G.711 sound."""
    scene = Scene(704, 288, seed=3, figures=(Figure(1.0, 4.0),))
    fields = (_weave(scene.frame(time), scene.frame(time + 0.02), scene) for time in _times(5, 25))
    _encode(
        path,
        (704, 288),
        fields,
        25,
        ("-vf", "setfield=tff,setsar=6/11", *_X264, "-x264-params", "tff=1:threads=1"),
        ("-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"),
        audio="sine=frequency=300:sample_rate=8000:duration=5",
    )


def _edited(path: Path) -> None:
    """An MP4 whose edit list hides its first frames: they are stored and not shown."""
    whole = path.with_suffix(".whole.mp4")
    scene = Scene(640, 360, seed=4, figures=(Figure(0.2, 2.2), Figure(2.6, 4.8)))
    _film(whole, scene, 5, 25, "-g", "50", "-bf", "0")
    _ffmpeg("-ss", "2.6", "-i", str(whole), "-c", "copy", *_EXACT, str(path))
    whole.unlink()


def _still(path: Path) -> None:
    """A photograph with EXIF: make, model, time, GPS fix, and held upright."""
    scene = Scene(1200, 1600, seed=5, figures=(Figure(0, 2),))
    luma, u, v = _planes(scene.frame(1), scene)
    lying = (np.rot90(plane) for plane in (luma, _double(u), _double(v)))
    picture = Image.merge("YCbCr", [Image.fromarray(np.ascontiguousarray(plane)) for plane in lying])
    exif = Image.Exif()
    exif.update({271: "Vidne", 272: "Sample camera", 274: 6, 305: "samples", 306: "2026:03:14 22:17:00"})
    exif.get_ifd(ExifTags.IFD.Exif).update({0x9003: "2026:03:14 22:17:00", 0x9011: "+01:00"})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "N", 2: (55.0, 40.0, 33.96), 3: "E", 4: (12.0, 34.0, 5.88), 29: "2026:03:14"}
    )
    picture.save(path, "JPEG", quality=90, exif=exif)


def _cut(path: Path) -> None:
    """A recording that ends in the middle: the header promises 6 s, the last third is missing."""
    scene = Scene(640, 360, seed=6, figures=(Figure(0.5, 3.0),))
    _film(path, scene, 6, 25, "-g", "25")
    _keep(path, 0.66)


def _no_index(path: Path) -> None:
    """An MP4 whose index, written last, never was: nothing in it can be found."""
    clip(path, seed=7)
    _keep(path, 0.9)


def _playlist(path: Path) -> None:
    """A text that makes a careless program open the file beside it."""
    path.write_text("ffconcat version 1.0\nfile cctv.mp4\n", encoding="ascii")


SAMPLES: dict[str, Callable[[Path], None]] = {
    "cctv.mp4": _cctv,
    "phone.mp4": _phone,
    "dvr.mkv": _dvr,
    "edited.mp4": _edited,
    "still.jpg": _still,
    "cut.mkv": _cut,
    "noindex.mp4": _no_index,
    "playlist.mp4": _playlist,
}


def _encode(
    path: Path,
    size: tuple[int, int],
    frames: Iterable[Plane],
    rate: int,
    *arguments: Iterable[str],
    audio: str = "",
) -> Path:
    """Pipe planar YUV 4:2:0 frames of `size` into ffmpeg; `audio` is a lavfi source."""
    source = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}", "-r", str(rate))
    sound = ("-f", "lavfi", "-i", audio) if audio else ()
    chosen = [arg for group in arguments for arg in group]
    colours = [
        arg for name in ("colorspace", "color_primaries", "color_trc") for arg in (f"-{name}", "bt709")
    ]
    options = (*sound, *chosen, *colours, "-color_range", "tv", *_EXACT)
    _ffmpeg(*source, "-i", "pipe:0", *options, str(path), frames=frames)
    return path


def _ffmpeg(*args: str, frames: Iterable[Plane] = ()) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise ToolMissingError(
            "ffmpeg is not installed.", advice="Install it, for example: apt install ffmpeg."
        )
    command: Sequence[str] = (program, "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *args)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        pipe = cast("IO[bytes]", process.stdin)
        try:
            for frame in frames:
                pipe.write(frame.data)
            pipe.close()
        except BrokenPipeError:
            pass  # ffmpeg has ended; what it says of the reason follows
        error = cast("IO[bytes]", process.stderr).read()
    if process.returncode:
        raise VidneError(f"ffmpeg could not make {args[-1]}: {error.decode(errors='replace').strip()[-500:]}")


def _planes(frame: Plane, scene: Scene) -> tuple[Plane, Plane, Plane]:
    luma = scene.width * scene.height
    half = (scene.height // 2, scene.width // 2)
    u, v = frame[luma : luma * 5 // 4], frame[luma * 5 // 4 :]
    return frame[:luma].reshape(scene.height, scene.width), u.reshape(half), v.reshape(half)


def _double(plane: Plane) -> Plane:
    return plane.repeat(2, axis=0).repeat(2, axis=1)


def _lying(frame: Plane, scene: Scene) -> Plane:
    """The frame as a sensor on its side stores it: a quarter turn to the left."""
    return np.concatenate([np.rot90(plane).ravel() for plane in _planes(frame, scene)])


def _weave(top: Plane, bottom: Plane, scene: Scene) -> Plane:
    """One frame of two fields: even lines of `top`, odd lines of `bottom`."""
    woven = top.copy()
    luma = scene.width * scene.height
    for part, width in ((slice(0, luma), scene.width), (slice(luma, None), scene.width // 2)):
        woven[part].reshape(-1, width)[1::2] = bottom[part].reshape(-1, width)[1::2]
    return woven


def _turn(path: Path, shown_width: int) -> None:
    """Write the matrix of a quarter turn to the right into the first tkhd box (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # after version, flags, times, id, duration, layer, volume
    struct.pack_into(">9i", data, matrix, 0, 1 << 16, 0, -(1 << 16), 0, 0, shown_width << 16, 0, 1 << 30)
    path.write_bytes(data)


def _keep(path: Path, share: float) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
