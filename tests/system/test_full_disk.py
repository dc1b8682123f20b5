"""A disk that fills up, at receiving and in mid-processing: nothing lost, and it goes on by itself."""

from pathlib import Path

from samples.generator import clip
from tests.disks import fill, small_disk
from tests.system.program import CASE, Program, kill_group, wait_until

DISK = 64 << 20


def test_what_there_is_no_room_for_is_not_received_and_can_be_sent_again(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", seconds=1)
    with small_disk(tmp_path / "disk", DISK) as disk:
        program = Program(disk / "data")
        program.open_case()
        ballast = fill(disk, leave=4 << 20)
        assert "Make room" in program.run("submit", path, "--case", CASE, check=4).err
        assert program.exhibits() == []
        assert list((program.data / "spool").iterdir()) == []
        ballast.unlink()
        program.run("submit", path, "--case", CASE, "--wait")
        program.run("verify", "case", CASE)


def test_a_command_on_a_disk_without_any_room_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk:
        program = Program(disk / "data")
        program.open_case()
        ballast = fill(disk)
        done = program.run("case", "open", "0100-10293-00002-26", check=None)
        assert done.code != 0
        assert "Make room" in done.err
        ballast.unlink()
        program.open_case("0100-10293-00002-26")


def test_a_disk_that_fills_up_in_mid_processing_is_waited_for_and_blames_no_file(
    tmp_path: Path, six_clips: list[Path]
) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk:
        program, said = Program(disk / "data"), tmp_path / "said"
        program.open_case()
        process = program.start("submit", *six_clips, "--case", CASE, "--wait", said=said)
        try:
            sealed = "SELECT count(*) FROM exhibit WHERE state NOT IN ('received')"
            wait_until(lambda: program.query(sealed) == [(len(six_clips),)], 60, "all sealed")
            ballast = fill(disk)
            wait_until(lambda: "Make room" in said.read_text(), 60, "the full disk to be told")
            assert process.poll() is None
            ballast.unlink()
            assert process.wait(timeout=120) == 0
        finally:
            if process.poll() is None:
                kill_group(process)
        assert "Traceback" not in said.read_text()
        assert [item["state"] for item in program.exhibits()] == ["processed"] * len(six_clips)
        assert program.query("SELECT sum(crashes) FROM job") == [(0,)]
        program.run("verify", "case", CASE)
