"""Cells of sound: beside a picture, two tracks of it, alone."""

from tests.media.cell import Cell, Inputs, pictures, row, sound
from tests.media.h264 import MKV, PLAIN

BOTH: Inputs = (*pictures(), *sound())
PHONE: Inputs = (*pictures(), *sound(8000))
TWO: Inputs = (*BOTH, *sound(8000))
_ALL = "-map 0 -map 1 -map 2 "
_CODEC = "is encoded to AAC for browsers"


def _with(
    name: str, audio: str, *, of: Inputs = BOTH, rewraps: tuple[str, ...] = (), sounds: int = 1
) -> Cell:
    return row(name, "remux", PLAIN + audio, of=of, rewraps=rewraps, sounds=sounds)


COPIED = [
    _with("aac.mp4", "-c:a aac"),
    _with("aac.mov", "-c:a aac"),
    _with("aac.mkv", "-c:a aac"),
    _with("aac.ts", "-c:a aac"),
    _with("aac.mts", "-c:a aac -f mpegts -mpegts_m2ts_mode 1"),
    _with("aac.flv", "-c:a aac"),
    _with("aac.3gp", "-c:a aac"),
    _with("aac-fragments.mp4", "-c:a aac -movflags frag_keyframe+empty_moov"),
    _with("mp3.mp4", "-c:a libmp3lame"),
    _with("mp3.mkv", "-c:a libmp3lame"),
    _with("mp3.ts", "-c:a libmp3lame"),
    _with("mp3.flv", "-c:a libmp3lame -ar 44100"),
    _with("opus.mp4", "-c:a libopus"),
    _with("opus.mkv", "-c:a libopus"),
    _with("opus.ts", "-c:a libopus"),
    _with("flac.mp4", "-c:a flac -strict experimental"),
    _with("flac.mkv", "-c:a flac"),
    _with("aac-twice.mp4", _ALL + "-c:a aac", of=TWO, sounds=2),
    _with("aac-opus.mkv", _ALL + "-c:a:0 aac -c:a:1 libopus", of=TWO, sounds=2),
    _with("sound-late.mp4", "-c:a aac", of=(*pictures(), "-itsoffset", "0.4", *sound())),
    _with("sound-late.mkv", "-c:a aac", of=(*pictures(), "-itsoffset", "0.4", *sound())),
    _with("picture-late.mp4", "-c:a aac", of=("-itsoffset", "0.4", *pictures(), *sound())),
]
ENCODED = [
    _with("alaw.mkv", "-c:a pcm_alaw", of=PHONE, rewraps=MKV),
    _with("mulaw.mkv", "-c:a pcm_mulaw", of=PHONE, rewraps=MKV),
    _with("alaw.mov", "-c:a pcm_alaw", of=PHONE, rewraps=MKV),
    _with("pcm.mov", "-c:a pcm_s16le", rewraps=MKV),
    _with("pcm-be.mov", "-c:a pcm_s16be", rewraps=MKV),
    _with("pcm.mkv", "-c:a pcm_s16le", rewraps=MKV),
    _with("pcm-24.mkv", "-c:a pcm_s24le", rewraps=MKV),
    _with("ac3.mp4", "-c:a ac3", rewraps=MKV),
    _with("ac3.ts", "-c:a ac3", rewraps=MKV),
    _with("eac3.mkv", "-c:a eac3", rewraps=MKV),
    _with("mp2.ts", "-c:a mp2", rewraps=MKV),
    _with("vorbis.mkv", "-c:a libvorbis", rewraps=MKV),
    _with("wmav2.mkv", "-c:a wmav2", rewraps=MKV),
    _with("alac.mov", "-c:a alac", rewraps=MKV),
    _with("adpcm.mkv", "-c:a adpcm_ima_wav", of=PHONE, rewraps=MKV),
    _with("g726.mkv", "-c:a g726", of=PHONE, rewraps=MKV),
    _with("pcm.flv", "-c:a pcm_s16le -ar 44100", rewraps=MKV),
    _with("nellymoser.flv", "-c:a nellymoser -ar 22050"),
    _with("alaw-twice.mkv", _ALL + "-c:a pcm_alaw", of=(*PHONE, *sound(8000)), rewraps=MKV, sounds=2),
    _with("aac-mulaw.mov", _ALL + "-c:a:0 aac -c:a:1 pcm_mulaw", of=TWO, rewraps=MKV, sounds=2),
]
WITH_OTHER_PICTURES = [
    row("asp-mp3.avi", "encode", "-c:v mpeg4 -q:v 3 -c:a libmp3lame", of=BOTH, sounds=1),
    row("mjpeg-pcm.avi", "encode", "-c:v mjpeg -q:v 3 -c:a pcm_s16le", of=PHONE, sounds=1),
    row("mpeg2-mp2.mpg", "encode", "-c:v mpeg2video -q:v 3 -c:a mp2", of=BOTH, sounds=1),
    row("mpeg2-ac3.ts", "encode", "-c:v mpeg2video -q:v 3 -c:a ac3", of=BOTH, sounds=1),
    row("mpeg2-pcm.mxf", "encode", "-c:v mpeg2video -q:v 3 -c:a pcm_s16le", of=BOTH, sounds=1),
    row("wmv2-wma.wmv", "encode", "-c:v wmv2 -q:v 3 -c:a wmav2", of=BOTH, sounds=1),
    row(
        "vp8-vorbis.webm",
        "encode",
        "-c:v libvpx -deadline realtime -b:v 500k -c:a libvorbis",
        of=BOTH,
        sounds=1,
    ),
    row(
        "vp9-opus.webm",
        "encode",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
        of=BOTH,
        sounds=1,
    ),
    row("theora-vorbis.ogg", "encode", "-c:v libtheora -q:v 9 -c:a libvorbis", of=BOTH, sounds=1),
    row(
        "asp-aac-alaw.mov", "encode", _ALL + "-c:v mpeg4 -q:v 3 -c:a:0 aac -c:a:1 pcm_alaw", of=TWO, sounds=2
    ),
    row(
        "hevc-aac.mp4",
        "encode",
        "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1 -c:a aac",
        of=BOTH,
        sounds=1,
        rewraps=("rewrap.mp4",),
    ),
    row(
        "two-cameras.mp4",
        "remux",
        "-map 0 -map 1 -map 2 -c:a aac " + PLAIN,
        of=(*pictures(), *pictures(), *sound()),
        sounds=1,
        copies=2,
    ),
    row("two-cameras.mkv", "remux", "-map 0 -map 1 " + PLAIN, of=(*pictures(), *pictures()), copies=2),
]
ALONE = [
    row(name, "remux", options, of=sound(), shown=(0, 0), sounds=1)
    for name, options in [
        ("alone.m4a", "-c:a aac"),
        ("alone.mp3", "-c:a libmp3lame"),
        ("alone.flac", "-c:a flac"),
        ("alone.opus", "-c:a libopus"),
        ("alone.wav", "-c:a pcm_s16le"),
        ("alone-alaw.wav", "-c:a pcm_alaw"),
        ("alone.wma", "-c:a wmav2"),
        ("alone.ogg", "-c:a libvorbis"),
        ("alone.ac3", "-c:a ac3"),
    ]
]
CELLS: list[Cell] = [*COPIED, *ENCODED, *WITH_OTHER_PICTURES, *ALONE]
