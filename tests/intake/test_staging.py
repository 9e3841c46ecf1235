"""The store of what was taken, the landing area around it, and the keys of agencies."""

import base64
import errno
import hashlib
import io
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jobs.bronze.source import Broken, open_file
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.intake.agencies import Agency, load_agencies
from jobs.intake.landing import discover
from jobs.intake.staging import Staging, staged_uri
from tests.intake.world import ABNORMAL, DAY, World, edit_manifest, records

DATA = b"what was hashed is what is read"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["disk", "address"])
def test_what_is_taken_lies_under_its_hash_on_a_disk_and_behind_an_address(tmp_path: Path, scheme: str) -> None:
    lake = f"{scheme}{tmp_path}/lake"
    staging = Staging(lake)
    copy = staging.copy(io.BytesIO(DATA), 100)
    assert (copy.sha256, copy.bytes) == (SHA256, len(DATA))
    staging.take([copy])
    with open_file(staged_uri(lake, SHA256)) as file:
        assert file.read() == DATA
    assert [path.name for path in (tmp_path / "lake" / "staged").iterdir()] == [SHA256]


def test_what_is_taken_is_synced_before_it_has_its_name_and_its_folder_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, steps = World(tmp_path), []
    world.deliver(ABNORMAL, records(ABNORMAL, 2), records(ABNORMAL, 3))
    sync, rename = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        sync(descriptor)
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(("sync", place.name, place.stat().st_size if place.is_file() else None))

    def renamed(self: Path, target: Path) -> Path:
        steps.append(("rename", self.name, target.name))
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    (answer,) = world.night()
    staged = tmp_path / "lake" / "staged"
    sizes = {path.name: path.stat().st_size for path in staged.iterdir()}
    assert sorted(sizes) == sorted(file.sha256 for file in answer.staged)
    assert len(sizes) == 2
    for _, copy, name in [step for step in steps if step[0] == "rename"]:
        assert ("sync", copy, sizes[name]) in steps[: steps.index(("rename", copy, name))], "a name before its bytes"
    assert [step[0] for step in steps] == ["sync", "sync", "rename", "rename", "sync"]
    assert steps[-1][:2] == ("sync", "staged")


def test_a_copy_past_its_limit_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Broken) as refused:
        Staging(str(tmp_path)).copy(io.BytesIO(DATA), 10)
    assert refused.value.reason == "too_large"
    assert list((tmp_path / "staged").iterdir()) == []


class FullDisk(io.BytesIO):
    """A source at which the disk is full."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_an_error_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the disk is full; make room and run the night again"):
        Staging(str(tmp_path)).copy(FullDisk(), 100)
    assert list((tmp_path / "staged").iterdir()) == []


def test_what_a_dead_night_had_begun_to_copy_is_swept_and_what_was_taken_stays(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    staging.take([staging.copy(io.BytesIO(DATA), 100)])
    staging.copy(io.BytesIO(b"half"), 100)
    staging.sweep()
    assert [path.name for path in (tmp_path / "staged").iterdir()] == [SHA256]


def test_a_landing_area_that_is_not_there_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the landing area must be a folder of this machine"):
        discover(str(tmp_path / "nowhere"), DAY)


def test_a_feed_that_is_a_link_is_not_followed_and_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    feed = world.deliver().parents[1]
    (world.landing / "finance").mkdir()
    (world.landing / "finance" / "accounts").symlink_to(feed)
    seen = discover(str(world.landing), DAY)
    assert [one.path for one in seen.found] == ["telecom/abnormal_numbers/2026-11-22/d-1"]
    assert seen.links == ["accounts"]


def test_stray_files_and_hidden_folders_are_no_deliveries(tmp_path: Path) -> None:
    world = World(tmp_path)
    day = world.deliver().parent
    (world.landing / "README").write_text("x", encoding="utf-8")
    (day / ".partial").mkdir()
    (day / "notes.txt").write_text("x", encoding="utf-8")
    seen = discover(str(world.landing), DAY)
    assert (len(seen.found), seen.waiting, seen.links) == (1, [], [])


def test_the_four_agencies_are_known_and_have_no_key_yet() -> None:
    agencies = load_agencies(ROOT / "schemas")
    assert sorted(agencies) == ["finance", "internet", "public_security", "telecom"]
    assert {agency.public_keys for agency in agencies.values()} == {()}


def test_any_of_an_agencys_keys_signs_in_bytes_or_in_base64() -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pem = new.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    agency = Agency(title="x", public_keys=(base64.b64encode(old.public_key().public_bytes_raw()).decode(), pem))
    for key in (old, new):
        assert agency.has_signed(DATA, key.sign(DATA))
        assert agency.has_signed(DATA, base64.b64encode(key.sign(DATA)) + b"\n")
        assert not agency.has_signed(DATA + b"!", key.sign(DATA))
    assert not agency.has_signed(DATA, Ed25519PrivateKey.generate().sign(DATA))
    assert not agency.has_signed(DATA, b"")


@pytest.mark.parametrize(
    "line",
    ["public_keys: [abc]", "public_keys: [QUJD]", "public_key: []"],
    ids=["no_base64", "short", "typo"],
)
def test_a_key_that_is_none_stops_the_night_with_a_sentence(tmp_path: Path, line: str) -> None:
    (tmp_path / "agencies.yml").write_text(f"telecom: {{title: x, {line}}}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"agencies\.yml:1: telecom\.public_key"):
        load_agencies(tmp_path)


def test_a_delivery_signed_by_one_agency_does_not_pass_for_anothers(tmp_path: Path) -> None:
    world, key = World(tmp_path), Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    world.agencies["finance"] = Agency(title="x", public_keys=(public,))
    edit_manifest(world.deliver(sign_with=key), agency="finance")
    assert [answer.reason for answer in world.night()] == ["path"]
