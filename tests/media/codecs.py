"""Cells of every codec but H.264: all are encoded; HEVC is kept in an exact copy beside."""

from evidence.exhibits import ExhibitState
from tests.media import changes
from tests.media.cell import Cell, row
from tests.media.h264 import ODD

CODEC = "Browsers do not all play its codec"
RAW = "It is a raw stream: its frames have no times"
HVC1 = ("rewrap.mp4",)
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:frame-threads=1:keyint=12 "
ASP = "-c:v mpeg4 -q:v 3 -bf 2 "
MPEG2 = "-c:v mpeg2video -q:v 3 -bf 2 "
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 500k "
AV1 = "-c:v libaom-av1 -cpu-used 8 -usage realtime -b:v 300k "
CIF = "176x144"


def _coded(name: str, options: str, **more: object) -> Cell:
    return row(name, "encode", options, **{"says": CODEC, **more})  # type: ignore[arg-type]


HEVC = [
    _coded("hvc1.mp4", X265 + "-tag:v hvc1", rewraps=HVC1),
    _coded("hev1.mp4", X265 + "-tag:v hev1", rewraps=HVC1),
    _coded("hevc.mov", X265 + "-tag:v hvc1", rewraps=HVC1),
    _coded("hevc.mkv", X265, rewraps=HVC1),
    _coded("hevc.ts", X265),
    _coded("hevc.mts", X265 + "-f mpegts -mpegts_m2ts_mode 1"),
    _coded("hevc-10.mp4", X265 + "-pix_fmt yuv420p10le", rewraps=HVC1),
    _coded("hevc-422-10.mkv", X265 + "-pix_fmt yuv422p10le", rewraps=HVC1),
    _coded("hevc-444.mp4", X265 + "-pix_fmt yuv444p", rewraps=HVC1),
    _coded("hevc-turned.mp4", X265, shown=(120, 160), change=changes.turned, rewraps=HVC1),
    _coded("hevc-fragments.mp4", X265 + "-movflags frag_keyframe+empty_moov", rewraps=HVC1),
    _coded("hevc-wide.mkv", X265 + "-vf setsar=16/11", size=CIF, shown=(256, 144), rewraps=HVC1),
    _coded(
        "hevc-pq.mp4",
        X265 + "-pix_fmt yuv420p10le -color_trc smpte2084 -colorspace bt2020nc -color_primaries bt2020",
        alike=False,
        rewraps=HVC1,
    ),
    _coded(
        "hevc-hlg.mkv",
        X265 + "-pix_fmt yuv420p10le -color_trc arib-std-b67 -colorspace bt2020nc -color_primaries bt2020",
        alike=False,
        rewraps=HVC1,
    ),
    _coded("raw.265", X265, says=RAW),
    _coded("raw.hevc", X265, says=RAW),
]
MPEG = [
    _coded("mpeg2.mpg", MPEG2),
    _coded("mpeg2.vob", MPEG2),
    _coded("mpeg2.ts", MPEG2),
    _coded("mpeg2.mkv", MPEG2),
    _coded("mpeg2.mov", MPEG2),
    _coded("mpeg2.mp4", MPEG2),
    _coded("mpeg2.avi", "-c:v mpeg2video -q:v 3 -bf 0"),
    _coded("mpeg2.mxf", MPEG2),
    _coded(
        "mpeg2-pal.mpg",
        MPEG2 + "-flags +ildct+ilme -top 1 -aspect 16:9",
        size="720x576",
        shown=(1024, 576),
        per_frame=2,
    ),
    _coded("mpeg2-fields.ts", MPEG2 + "-flags +ildct+ilme -top 1", per_frame=2),
    _coded("mpeg2-422.mxf", MPEG2 + "-pix_fmt yuv422p"),
    _coded("raw.m2v", MPEG2, says=RAW),
    _coded("mpeg1.mpg", "-c:v mpeg1video -q:v 3 -bf 2"),
    _coded("raw.m1v", "-c:v mpeg1video -q:v 3", says=RAW),
    _coded("asp.mp4", ASP),
    _coded("asp.mov", ASP),
    _coded("asp.mkv", ASP),
    _coded("asp.avi", ASP + "-vtag XVID"),
    _coded("asp.3gp", "-c:v mpeg4 -q:v 3", size=CIF),
    _coded("asp.ts", ASP),
    _coded("asp-qpel.avi", "-c:v mpeg4 -q:v 3 -flags +qpel -vtag DX50"),
    _coded(
        "asp-fields.avi",
        "-c:v mpeg4 -q:v 3 -flags +ildct+ilme -top 1",
        per_frame=2,
        defect="ffprobe tells no field order of MPEG-4 part 2, so that its fields are not taken apart",
    ),
    _coded("asp-turned.mp4", "-c:v mpeg4 -q:v 3", shown=(120, 160), change=changes.turned),
    _coded("asp-ntsc.avi", ASP, rate="30000/1001"),
    _coded("raw.m4v", "-c:v mpeg4 -q:v 3 -f m4v", says=RAW),
    _coded("xvid.avi", "-c:v libxvid -q:v 3 -bf 2"),
    _coded("h261.mkv", "-c:v h261 -q:v 3", size=CIF),
    _coded("raw.h261", "-c:v h261 -q:v 3", size=CIF, says=RAW),
    _coded("h263.3gp", "-c:v h263 -q:v 3", size=CIF),
    _coded("h263.mov", "-c:v h263 -q:v 3", size=CIF),
    _coded("h263.avi", "-c:v h263 -q:v 3", size=CIF),
    _coded("h263p.mkv", "-c:v h263p -q:v 3", size="160x120"),
    _coded("raw.h263", "-c:v h263 -q:v 3", size=CIF, shown=(192, 144), says=RAW),
    _coded("flv1.flv", "-c:v flv -q:v 3"),
]
JPEG = [
    _coded("mjpeg.avi", "-c:v mjpeg -q:v 3"),
    _coded("mjpeg.mov", "-c:v mjpeg -q:v 3"),
    _coded("mjpeg.mkv", "-c:v mjpeg -q:v 3"),
    _coded("mjpeg.mp4", "-c:v mjpeg -q:v 3"),
    _coded("mjpeg-422.avi", "-c:v mjpeg -q:v 3 -pix_fmt yuvj422p"),
    _coded("mjpeg-444.avi", "-c:v mjpeg -q:v 3 -vf format=yuvj444p,crop=161:121:0:0:exact=1", size="162x122"),
    _coded("raw.mjpeg", "-c:v mjpeg -q:v 3", says=RAW, reader=("-f", "mjpeg")),
    _coded("raw.mjpg", "-c:v mjpeg -q:v 3 -f mjpeg", says=RAW, reader=("-f", "mjpeg")),
    _coded("jpeg2000.mov", "-c:v jpeg2000"),
    _coded("jpeg2000.mxf", "-c:v jpeg2000 -pix_fmt yuv422p"),
]
STUDIO = [
    _coded("dv.dv", "-c:v dvvideo -pix_fmt yuv420p", size="720x576", shown=(768, 576), per_frame=2),
    _coded(
        "dv.avi", "-c:v dvvideo -pix_fmt yuv420p -aspect 4:3", size="720x576", shown=(768, 576), per_frame=2
    ),
    # Its container says that it is progressive.
    _coded("dv.mov", "-c:v dvvideo -pix_fmt yuv420p -aspect 4:3", size="720x576", shown=(768, 576)),
    _coded(
        "dv-ntsc.avi",
        "-c:v dvvideo -pix_fmt yuv411p -aspect 4:3",
        size="720x480",
        rate="30000/1001",
        shown=(720, 540),
        per_frame=2,
    ),
    _coded("prores-proxy.mov", "-c:v prores_ks -profile:v proxy"),
    _coded("prores.mov", "-c:v prores_ks -profile:v standard"),
    _coded("prores-4444.mov", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
    _coded("prores.mkv", "-c:v prores"),
    _coded("prores-fields.mov", "-c:v prores_ks -flags +ildct -top 1", per_frame=2),
    _coded("dnxhr.mov", "-c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p", size="256x144"),
    _coded("dnxhr.mxf", "-c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p", size="256x144"),
    _coded("ffv1.mkv", "-c:v ffv1"),
    _coded("ffv1.avi", "-c:v ffv1"),
    _coded("ffv1.mov", "-c:v ffv1"),
    _coded("ffv1-10.mkv", "-c:v ffv1 -pix_fmt yuv422p10le"),
    _coded("ffv1-rgb.mkv", "-c:v ffv1 -pix_fmt bgr0"),
    _coded("ffv1-gray16.mkv", "-c:v ffv1 -pix_fmt gray16le"),
    _coded("huffyuv.avi", "-c:v huffyuv"),
    _coded("utvideo.avi", "-c:v utvideo"),
    _coded("raw-yuv.avi", "-c:v rawvideo -pix_fmt yuv420p"),
    _coded("raw-yuyv.mov", "-c:v rawvideo -pix_fmt yuyv422"),
    _coded("raw-bgr.avi", "-c:v rawvideo -pix_fmt bgr24"),
    _coded("raw-yuv.mkv", "-c:v rawvideo -pix_fmt yuv420p"),
    row(
        "raw.y4m",
        "none",
        "-pix_fmt yuv420p",
        copies=0,
        state=ExhibitState.UNPLAYABLE,
        says="Its format is not one that is opened here.",
    ),
    _coded("qtrle.mov", "-c:v qtrle"),
    _coded("png.mov", "-c:v png"),
    _coded("cinepak.avi", "-c:v cinepak"),
]
WEB = [
    _coded("wmv1.wmv", "-c:v wmv1 -q:v 3"),
    _coded("wmv2.wmv", "-c:v wmv2 -q:v 3"),
    _coded("wmv2.asf", "-c:v wmv2 -q:v 3"),
    _coded("wmv2.avi", "-c:v wmv2 -q:v 3"),
    _coded("msmpeg4v2.avi", "-c:v msmpeg4v2 -q:v 3"),
    _coded("msmpeg4v3.avi", "-c:v msmpeg4 -q:v 3"),
    _coded("msmpeg4v3.asf", "-c:v msmpeg4 -q:v 3"),
    _coded("vp8.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k"),
    _coded("vp8.mkv", "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k"),
    _coded("vp8.avi", "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k"),
    _coded("vp8.ivf", "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k"),
    _coded("vp9.webm", VP9),
    _coded("vp9.mp4", VP9),
    _coded("vp9.mkv", VP9),
    _coded("vp9-10.webm", VP9 + "-pix_fmt yuv420p10le"),
    _coded("vp9-444.webm", VP9 + ODD, size="162x122"),
    _coded("vp9-fragments.mp4", VP9 + "-movflags frag_keyframe+empty_moov"),
    _coded("vp9-gaps.webm", VP9 + "-vf select='not(eq(mod(n,5),3))' -fps_mode vfr"),
    _coded("av1.mp4", AV1),
    _coded("av1.webm", AV1),
    _coded("av1.mkv", AV1),
    _coded("av1.ivf", AV1),
    _coded("raw.obu", AV1, says=RAW),
    _coded("svt-av1-10.mp4", "-c:v libsvtav1 -preset 12 -pix_fmt yuv420p10le"),
    _coded("theora.ogv", "-c:v libtheora -q:v 9"),
    _coded("theora.ogg", "-c:v libtheora -q:v 9"),
    _coded("theora.mkv", "-c:v libtheora -q:v 9"),
    _coded("flashsv.flv", "-c:v flashsv2"),
]
CELLS: list[Cell] = [*HEVC, *MPEG, *JPEG, *STUDIO, *WEB]
