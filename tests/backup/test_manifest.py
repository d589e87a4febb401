"""Manifests: signed by our key, of one backup, and free of keys."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup import manifest as manifests
from backup.engine import BackupPart
from backup.errors import ManifestInvalid
from backup.manifest import Manifest, key_ids, sign
from crypto.sign import SigningKey

KEY, ID = SigningKey(b"s" * 32), "01M80XG7RTMAN00YA3EA1VNY0Z"
PART = BackupPart(
    name="city.db", engine="sqlite", reference="city.db.sealed", bytes=3, digest="00", counts={"person": 2}
)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANIFEST = Manifest(
    id=ID, city="citygate.localhost/audit", started_at=NOW, finished_at=NOW, parts=(PART,), checkpoint="c\n1\nr\n",
    canary="00", keys={"keys/seal.key": "abcd"},
)  # fmt: skip


def test_what_was_signed_is_read_back() -> None:
    assert manifests.read(sign(MANIFEST, KEY), KEY.public, backup=ID) == MANIFEST


@pytest.mark.parametrize("at", [5, 40, 200, -30])
def test_a_changed_character_is_refused(at: int) -> None:
    text = sign(MANIFEST, KEY)
    wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at:][1:]
    with pytest.raises(ManifestInvalid):
        manifests.read(wrong, KEY.public, backup=ID)


def test_another_key_or_another_backups_manifest_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="not signed"):
        manifests.read(sign(MANIFEST, SigningKey(b"x" * 32)), KEY.public, backup=ID)
    older = sign(replace(MANIFEST, id="01M80000000000000000000000"), KEY)
    with pytest.raises(ManifestInvalid, match="01M80000000000000000000000"):
        manifests.read(older, KEY.public, backup=ID)


@pytest.mark.parametrize("text", ["", "{}\n", "{}\n\n— citygate/backup AAAA\n", "x" * (5 << 20)])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ManifestInvalid):
        manifests.read(text, KEY.public, backup=ID)


def test_an_id_of_a_key_tells_keys_apart_and_holds_none(tmp_path: Path) -> None:
    keys = [secrets.token_bytes(32) for _ in range(2)]
    for number, key in enumerate(keys):
        (tmp_path / f"{number}.key").write_bytes(key)
    ids = key_ids(tmp_path, ["*.key"])
    assert set(ids) == {"0.key", "1.key"}
    assert len(set(ids.values())) == 2
    assert not any(key.hex()[:8] in "".join(ids.values()) for key in keys)
