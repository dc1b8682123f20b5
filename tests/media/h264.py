"""Cells of H.264: what browsers play as it is, and what they do not."""

from evidence.exhibits import ExhibitState
from tests.media import changes
from tests.media.cell import Cell, pictures, row

X264 = "-c:v libx264 -preset veryfast -g 12 -threads 1 "
PLAIN = X264 + "-pix_fmt yuv420p "
FIELDS = PLAIN + "-flags +ildct+ilme "
# ffmpeg's test picture is of even sizes only.
ODD = "-pix_fmt yuv444p -vf format=yuv444p,crop=161:121:0:0:exact=1"
MKV, ALL = ("rewrap.mkv",), ("all-stored-frames.mp4",)

CONTAINERS = [
    row("h264.mp4", "remux", PLAIN),
    row("h264.mov", "remux", PLAIN),
    row("h264.m4v", "remux", PLAIN),
    row("h264.3gp", "remux", PLAIN),
    row("h264.3g2", "remux", PLAIN),
    row("h264.f4v", "remux", PLAIN),
    row("h264.mkv", "remux", PLAIN),
    row("h264.ts", "remux", PLAIN),
    row("h264.mts", "remux", PLAIN + "-f mpegts -mpegts_m2ts_mode 1"),
    row("h264.flv", "remux", PLAIN),
    row("h264.mpg", "encode", PLAIN + "-f vob", says="Some of its packets have no time."),
    row("h264.avi", "encode", PLAIN, says="Some of its packets have no time."),
    row("h264.asf", "encode", PLAIN + "-bf 0", says="Some of its packets have no time."),
    row("h264.nut", "remux", PLAIN, defect="a remux from NUT does not hold, so it is encoded"),
    row("h264.mxf", "remux", PLAIN + "-bf 0"),
    row("in-order.264", "remux", PLAIN + "-bf 0", says="Browsers play it as it is; its frames have no times"),
    row("reordered.264", "encode", PLAIN, says="It is a raw stream: its frames have no times"),
    row("hidden.dav", "remux", PLAIN + "-bf 0 -f h264", change=changes.behind_a_header),
    row("bsf-global.ts", "remux", PLAIN + "-bsf:v dump_extra"),
    row("hidden-ts.dat", "remux", PLAIN + "-f mpegts", change=changes.behind_a_header),
]
PROFILES = [
    row("baseline.mp4", "remux", PLAIN + "-profile:v baseline"),
    row("main.mp4", "remux", PLAIN + "-profile:v main"),
    row("high.mp4", "remux", PLAIN + "-profile:v high"),
    row("intra-only.mp4", "remux", PLAIN + "-g 1"),
    row("many-b.mp4", "remux", PLAIN + "-bf 8 -b_strategy 0 -b-pyramid normal -refs 8"),
    row("open-gop.mp4", "remux", PLAIN + "-x264-params open-gop=1"),
    row("refresh.mp4", "remux", PLAIN + "-x264-params intra-refresh=1"),
    row("slices.mp4", "remux", PLAIN + "-x264-params slices=4"),
    row("weighted.mkv", "remux", PLAIN + "-x264-params weightp=2:weightb=1"),
    row("full-range.mp4", "remux", X264 + "-pix_fmt yuvj420p"),
    row("level-1b.mp4", "remux", PLAIN + "-profile:v baseline -level 1.1", size="176x144", rate="10"),
    row("bt709.mp4", "remux", PLAIN + "-colorspace bt709 -color_trc bt709 -color_primaries bt709"),
    row(
        "bt601.mp4", "remux", PLAIN + "-colorspace smpte170m -color_trc smpte170m -color_primaries smpte170m"
    ),
    row("ten-bit.mp4", "encode", X264 + "-pix_fmt yuv420p10le", says="with this pixel format"),
    row("wide-422.mp4", "encode", X264 + "-pix_fmt yuv422p", says="with this pixel format"),
    row("wide-422-10.mkv", "encode", X264 + "-pix_fmt yuv422p10le", says="with this pixel format"),
    row("full-444.mp4", "encode", X264 + "-pix_fmt yuv444p", says="with this pixel format"),
    row("gray.mp4", "remux", X264 + "-pix_fmt gray"),
    row("rgb.mp4", "encode", "-c:v libx264rgb -preset veryfast", says="with this pixel format"),
    row("lossless.mp4", "encode", PLAIN + "-qp 0", says="this profile of H.264"),
    row("lossless.mkv", "encode", PLAIN + "-qp 0", says="this profile of H.264"),
    row(
        "avc-intra.mxf",
        "encode",
        "-c:v libx264 -preset ultrafast -pix_fmt yuv422p10le -x264-params avcintra-class=100"
        " -colorspace bt709",
        size="1280x720",
        says="with this pixel format",
    ),
]
SCANS = [
    row("top-first.mp4", "encode", FIELDS + "-top 1", per_frame=2, says="It is interlaced"),
    row("bottom-first.mp4", "encode", FIELDS + "-top 0", per_frame=2, says="It is interlaced"),
    row("fields.ts", "encode", FIELDS + "-top 1", per_frame=2, says="It is interlaced"),
    row("fields.mkv", "encode", FIELDS + "-top 1", per_frame=2, says="It is interlaced"),
    row("fields.mov", "encode", FIELDS + "-top 1 -bf 0", per_frame=2, says="It is interlaced"),
    row(
        "fields-pal.ts",
        "encode",
        FIELDS + "-top 1 -vf setsar=64/45",
        size="720x576",
        shown=(1024, 576),
        per_frame=2,
        says="It is interlaced",
    ),
    row("called-fields.mp4", "remux", PLAIN + "-x264-params fake-interlaced=1"),
]
SIZES = [
    row("cropped.mp4", "remux", PLAIN, size="162x122"),
    row("tiny.mp4", "remux", PLAIN, size="32x32"),
    row("narrow.mkv", "remux", PLAIN, size="48x240"),
    row("odd.mp4", "encode", X264 + ODD, size="162x122"),
    row("half-height.mp4", "remux", PLAIN + "-vf setsar=6/11", size="704x288", shown=(704, 528)),
    row("half-height.mkv", "remux", PLAIN + "-vf setsar=6/11", size="704x288", shown=(704, 528)),
    row("half-height.ts", "remux", PLAIN + "-vf setsar=6/11", size="704x288", shown=(704, 528)),
    row("wide.mp4", "remux", PLAIN + "-vf setsar=16/11", size="176x144", shown=(256, 144)),
    row("wide.mov", "encode", X264 + "-pix_fmt yuv422p -vf setsar=16/11", size="176x144", shown=(256, 144)),
    row("odd-wide.mkv", "encode", X264 + ODD + ",setsar=4/3", size="162x122", shown=(216, 122)),
    row("turned.mp4", "remux", PLAIN, shown=(120, 160), change=changes.turned),
    row("turned.mov", "remux", PLAIN, shown=(120, 160), change=changes.turned),
    row("turned-back.mp4", "remux", PLAIN, shown=(120, 160), change=changes.turned_back),
    row("upside-down.mp4", "remux", PLAIN, change=changes.upside_down),
    row("mirrored.mp4", "remux", PLAIN, change=changes.mirrored),
    row(
        "turned-wide.mp4",
        "remux",
        PLAIN + "-vf setsar=16/11",
        size="176x144",
        shown=(144, 256),
        change=changes.turned,
    ),
    row("turned-encoded.mp4", "encode", X264 + "-pix_fmt yuv422p", shown=(120, 160), change=changes.turned),
    row(
        "turned-wide-encoded.mp4",
        "encode",
        X264 + "-pix_fmt yuv422p -vf setsar=16/11",
        size="176x144",
        shown=(144, 256),
        change=changes.turned,
    ),
    row("mirrored-encoded.mp4", "encode", X264 + "-pix_fmt yuv422p", change=changes.mirrored),
    row(
        "turned-fields.mp4", "encode", FIELDS + "-top 1", shown=(120, 160), change=changes.turned, per_frame=2
    ),
]
_GAPS = "-vf select='not(eq(mod(n,5),3))' -fps_mode vfr "
_JITTER = "-vf settb=1/1000,setpts='N*40+mod(N*7,13)' -fps_mode passthrough -enc_time_base 1:1000 "
RATES = [
    row("film.mp4", "remux", PLAIN, rate="24000/1001"),
    row("ntsc.mp4", "remux", PLAIN, rate="30000/1001"),
    row("ntsc.mkv", "remux", PLAIN, rate="30000/1001"),
    row("slow.mp4", "remux", PLAIN, rate="5"),
    row("eleven.mp4", "remux", PLAIN, rate="1100/97"),
    row("sixty.ts", "remux", PLAIN, rate="60"),
    row("fast.mp4", "remux", PLAIN, rate="120"),
    row("one.mp4", "remux", PLAIN + "-frames:v 1"),
    row("gaps.mp4", "remux", PLAIN + _GAPS),
    row("gaps.ts", "remux", PLAIN + _GAPS),
    row("gaps.flv", "remux", PLAIN + _GAPS),
    row("jitter.mkv", "remux", PLAIN + _JITTER),
    row("jitter.mp4", "remux", PLAIN + _JITTER + "-video_track_timescale 90000"),
    row("jitter-encoded.mkv", "encode", X264 + "-pix_fmt yuv422p " + _JITTER),
    row("jitter-encoded.mp4", "encode", X264 + "-pix_fmt yuv422p " + _JITTER),
    row("gaps-encoded.ts", "encode", X264 + "-pix_fmt yuv422p " + _GAPS),
]
STARTS = [
    row("late.mp4", "remux", PLAIN + "-output_ts_offset 3"),
    row("late.mkv", "remux", PLAIN + "-output_ts_offset 3"),
    row("late.ts", "remux", PLAIN + "-output_ts_offset 3600"),
    row("wraps.ts", "remux", PLAIN + "-output_ts_offset 95442.0"),
    row("late-encoded.mkv", "encode", X264 + "-pix_fmt yuv422p -output_ts_offset 3"),
    # Of 18 packets 5 hang on a picture that is gone.
    row("amid.ts", "encode", PLAIN, change=changes.amid(0.3, 188), state=ExhibitState.PARTIAL),
]
EDITS = [
    row("delayed.mp4", "remux", PLAIN, of=("-itsoffset", "0.5", *pictures())),
    row("early-end.mp4", "encode", PLAIN, change=changes.shorter_edit, rewraps=ALL, says="(edit list)"),
    row("early-end.mov", "encode", PLAIN, change=changes.shorter_edit, rewraps=ALL, says="(edit list)"),
]
FRAGMENTS = [
    row("fragments.mp4", "remux", PLAIN + "-movflags frag_keyframe+empty_moov"),
    row("fragments-dash.mp4", "remux", PLAIN + "-movflags dash+frag_keyframe+default_base_moof"),
    row("fragment-each.mp4", "remux", PLAIN + "-movflags frag_every_frame+empty_moov"),
    row("fragments-cmaf.mp4", "remux", PLAIN + "-movflags cmaf+frag_keyframe"),
    row("fragments.mov", "encode", X264 + "-pix_fmt yuv422p -movflags frag_keyframe+empty_moov"),
]
CELLS: list[Cell] = [*CONTAINERS, *PROFILES, *SCANS, *SIZES, *RATES, *STARTS, *EDITS, *FRAGMENTS]
