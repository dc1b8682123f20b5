"""The whole way with the objects in a real S3 server."""

import io
from pathlib import Path

import pytest
from minio.error import S3Error

from samples.generator import clip, generate
from tests.servers import S3Server
from tests.system.program import CASE, Program


def on_s3(s3: S3Server, folder: Path, bucket: str) -> Program:
    return Program(folder / "data", s3.settings(bucket, folder / "secret"))


def test_a_clip_and_a_still_go_the_whole_way_and_one_changed_object_is_caught(
    s3: S3Server, tmp_path: Path
) -> None:
    bucket, client = s3.new_bucket(), s3.client()
    program = on_s3(s3, tmp_path, bucket)
    program.open_case()
    (still,) = generate(tmp_path / "footage", ["still.jpg"])
    moving = clip(tmp_path / "footage" / "clip.mp4", seconds=1)
    program.run("submit", still, moving, "--case", CASE, "--wait")
    assert [item["state"] for item in program.exhibits()] == ["processed", "processed"]
    assert not (program.data / "objects").exists()
    program.run("verify", "case", CASE)

    program.run("exhibit", "fetch", f"{CASE}/EX-0002", "--original", "-o", tmp_path / "out")
    assert (tmp_path / "out" / "EX-0002.original.mp4").read_bytes() == moving.read_bytes()
    program.run("exhibit", "fetch", f"{CASE}/EX-0002", "--all", "-o", tmp_path / "all")

    new = "0200-10293-00007-26"
    program.run("case", "renumber", CASE, new)
    query = (
        "SELECT key, version_id, label FROM (SELECT *, 'EX-000' || number AS label FROM stored_object"
        " JOIN exhibit ON exhibit.id = exhibit_id) WHERE role = 'original' ORDER BY label"
    )
    (key, version, label), _ = program.query(query)
    tags = client.get_object_tags(bucket, key, version_id=version)
    assert dict(tags or {}) == {"case-number": new}

    # The version that was filed can be neither changed nor deleted: a forger puts another one over it.
    forged = b"forged" + still.read_bytes()[6:]
    client.put_object(bucket, key, io.BytesIO(forged), len(forged))
    with pytest.raises(S3Error, match="Access Denied"):
        client.remove_object(bucket, key, version_id=version)
    assert f"{label} original: Another version" in program.run("verify", "case", new, check=1).out


def test_a_bucket_that_does_not_lock_is_refused_before_anything_is_received(
    s3: S3Server, tmp_path: Path
) -> None:
    program = on_s3(s3, tmp_path, s3.new_bucket(object_lock=False))
    program.open_case()
    (tmp_path / "note.txt").write_text("note")
    for command in (("submit", tmp_path / "note.txt", "--case", CASE), ("serve",), ("worker",)):
        assert "does not lock what is stored in it" in program.run(*command, check=2).err
    assert program.exhibits() == []
    doctor = program.run("doctor", "--json", check=1).json
    assert next(item["status"] for item in doctor if item["name"] == "object store") == "fail"


def test_the_lock_is_tried_once_a_day_by_commands_and_each_time_by_doctor(
    s3: S3Server, tmp_path: Path
) -> None:
    program = on_s3(s3, tmp_path, s3.new_bucket())
    program.open_case()
    (tmp_path / "note.txt").write_text("note")
    program.run("submit", tmp_path / "note.txt", "--case", CASE)
    shown = program.data / "object-lock.json"
    first = shown.read_bytes()
    program.run("submit", tmp_path / "note.txt", "--case", CASE)
    assert shown.read_bytes() == first
    doctor = program.run("doctor", "--json", check=None)
    [store] = [item for item in doctor.json if item["name"] == "object store"]
    assert store["status"] == "ok"
    assert "its lock held when it was tried just now" in store["text"]
    assert shown.read_bytes() != first
    secret = Path(program.settings["VIDNE_S3_SECRET_KEY_FILE"]).read_text()
    told = doctor.out + doctor.err + (program.data / "worker.log").read_text()
    assert secret not in told


def test_a_bucket_that_does_not_exist_is_named_before_anything_is_received(
    s3: S3Server, tmp_path: Path
) -> None:
    program = on_s3(s3, tmp_path, "absent")
    program.open_case()
    (tmp_path / "note.txt").write_text("note")
    done = program.run("submit", tmp_path / "note.txt", "--case", CASE, check=4)
    assert "NoSuchBucket" in done.err
    assert program.exhibits() == []
    doctor = program.run("doctor", "--json", check=1).json
    assert next(item["status"] for item in doctor if item["name"] == "object store") == "fail"
