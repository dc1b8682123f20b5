"""`vidne init`: what an installation needs is made once; what it may not make is told."""

from pathlib import Path

from tests.servers import S3Server
from tests.system.program import Program


def test_the_bucket_is_made_with_its_lock_shown_to_hold_and_the_key_stays_the_same(
    s3: S3Server, tmp_path: Path
) -> None:
    program = Program(tmp_path / "data", s3.settings("made-by-init", tmp_path / "secret"))
    first = program.run("init", "--json").json
    assert (first["bucket_made"], first["worm"]) == (True, True)
    again = program.run("init", "--json").json
    assert again == {**first, "bucket_made": False}
    assert program.run("init").out.strip() == first["vkey"]
    assert s3.client().get_object_lock_config("made-by-init") is not None
    program.open_case()


def test_a_bucket_without_a_lock_is_refused(s3: S3Server, tmp_path: Path) -> None:
    bucket = s3.new_bucket(object_lock=False)
    program = Program(tmp_path / "data", s3.settings(bucket, tmp_path / "secret"))
    assert "does not lock" in program.run("init", check=2).err


def test_doctor_looks_at_what_it_is_asked_for_alone(program: Program) -> None:
    found = program.run("doctor", "--only", "sandbox", "--only", "broker", "--json").json
    assert [item["name"] for item in found] == ["sandbox", "broker"]
    assert "There are: settings, ffmpeg" in program.run("doctor", "--only", "weather", check=2).err


def test_witnesses_in_a_file_that_is_not_there_or_holds_something_else_are_told(tmp_path: Path) -> None:
    file = tmp_path / "witnesses"
    program = Program(tmp_path / "data", {"VIDNE_WITNESSES_FILE": str(file)})
    assert (
        f"VIDNE_WITNESSES_FILE {file} cannot be read"
        in program.run("doctor", "--only", "ledger", check=1).out
    )
    file.write_text("somebody\n")
    assert "somebody" in program.run("doctor", "--only", "ledger", check=1).out
