"""Access keys kept on this machine: sealed, closed to others, each under one name alone."""

import stat
from pathlib import Path

import pytest

from crypto.errors import CryptoError
from crypto.kept_key import keep_key, kept_key


def test_a_kept_key_is_sealed_and_only_its_owners(tmp_path: Path) -> None:
    key, folder = "cg_" + "B" * 43, tmp_path / "keys"
    folder.mkdir()
    keep_key(folder, "li", key)
    path = folder / "access/li"
    assert kept_key(folder, "li") == key
    assert key.encode() not in path.read_bytes()
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert [one.name for one in path.parent.iterdir()] == ["li"]


def test_a_key_kept_over_a_file_that_others_could_read_is_not_theirs_to_read(tmp_path: Path) -> None:
    (tmp_path / "access").mkdir()
    (tmp_path / "access/li").write_text("old")
    (tmp_path / "access/li").chmod(0o644)
    keep_key(tmp_path, "li", "cg_" + "A" * 43)
    assert stat.S_IMODE((tmp_path / "access/li").stat().st_mode) == 0o600


def test_a_kept_key_is_nobody_elses(tmp_path: Path) -> None:
    keep_key(tmp_path, "li", "cg_" + "A" * 43)
    (tmp_path / "access/li").rename(tmp_path / "access/wang")
    for name in ("li", "wang", "../access.key"):
        with pytest.raises(CryptoError):
            kept_key(tmp_path, name)
