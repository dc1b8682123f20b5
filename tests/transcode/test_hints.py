"""Hints say what a name and the metadata show, and nothing of a file in which a camera is named."""

import pytest

from evidence.jsontypes import JsonObject
from transcode.hints import hints

BARE: JsonObject = {"metadata": {"device": [{"what": "software", "value": "Lavf60.3.100", "source": "x"}]}}
CAMERA: JsonObject = {"metadata": {"device": [{"what": "make", "value": "Acme", "source": "x"}]}}
FORWARDED = [
    ("VID-20260314-WA0003.mp4", "whatsapp"),
    ("IMG-20260314-WA0003.jpg", "whatsapp"),
    ("WhatsApp Video 2026-03-14 at 22.17.05.mp4", "whatsapp"),
    ("WhatsApp Image 2026-03-14 at 10.06.47 PM (1).jpeg", "whatsapp"),
    ("signal-2026-03-14-221705_002.mp4", "signal"),
    ("signal-2026-03-14-22-17-05-123.mp4", "signal"),
    ("video_2026-03-14_22-17-05.mp4", "telegram"),
    ("photo_2026-03-14_22-17-05 (2).jpg", "telegram"),
    ("received_1234567890123456.mp4", "messenger"),
    ("FB_IMG_1234567890123.jpg", "messenger"),
    ("Snapchat-1234567890.mp4", "snapchat"),
    ("mmexport1234567890123.mp4", "wechat"),
    ("DCIM/folder/VID-20260314-WA0003.mp4", "whatsapp"),
]
SCREENS = [
    "RPReplay_Final1710450000.mp4",
    "ScreenRecording_03-14-2026 22-17-05_1.mov",
    "Screen_Recording_20260314_221705_Chrome.mp4",
    "Screen Recording 2026-03-14 at 22.17.05.mov",
    "screen-20260314-221705.mp4",
    "Screenrecorder-2026-03-14-22-17-05-123.mp4",
    "Skærmoptagelse 2026-03-14 kl. 22.17.05.mov",
    "Screenshot_20260314-221705.png",
]
OWN = [
    "VID_20260314_221705.mp4",
    "IMG_4711.MOV",
    "PXL_20260314_221705123.mp4",
    "20260314_221705.mp4",
    "ch03_20260314220000.dav",
    "videoklip.mp4",
    "received.mp4",
    "screen.mp4",
    "WhatsApp.mp4",
    "",
]


@pytest.mark.parametrize(("name", "program"), FORWARDED)
def test_a_name_that_a_messenger_gives_is_told(name: str, program: str) -> None:
    [hint] = hints(name, BARE)
    assert (hint.code, hint.reasons) == ("forwarded", (f"name:{program}", "no-camera"))


@pytest.mark.parametrize("name", SCREENS)
def test_a_recording_of_a_screen_is_told(name: str) -> None:
    assert [hint.code for hint in hints(name, {})] == ["screen"]


@pytest.mark.parametrize("name", OWN)
def test_what_a_camera_or_recorder_calls_its_files_is_no_hint(name: str) -> None:
    assert hints(name, BARE) == []


@pytest.mark.parametrize("name", [FORWARDED[0][0], SCREENS[0]])
def test_a_file_that_names_its_camera_gets_none(name: str) -> None:
    assert hints(name, CAMERA) == []
