"""Key files: what may be used, what may not, and many who want the same one."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crypto.errors import KeyFileUnsafe
from crypto.local_keys import KEY_BYTES, create, load, load_or_create
from tests.needs import need


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys/seal.key"
    create(path)
    return path


def test_a_key_is_32_random_bytes_that_only_its_owner_reads(key: Path) -> None:
    assert len(load(key)) == KEY_BYTES
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert create(key.with_name("other")) != load(key)
    assert sorted(path.name for path in key.parent.iterdir()) == ["other", "seal.key"]


def test_a_key_is_never_written_over(key: Path) -> None:
    before = load(key)
    with pytest.raises(FileExistsError):
        create(key)
    assert load(key) == load_or_create(key) == before
    assert list(key.parent.iterdir()) == [key]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_a_key_that_others_can_open_is_not_used(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(KeyFileUnsafe, match="chmod 600"):
        load(key)


@pytest.mark.parametrize("size", [0, 31, 33, 4096])
def test_a_key_of_another_length_is_not_used(key: Path, size: int) -> None:
    key.write_bytes(bytes(size))
    with pytest.raises(KeyFileUnsafe, match="32 bytes"):
        load(key)


def test_no_link_is_followed_and_nothing_else_than_a_file_is_read(key: Path) -> None:
    link, missing, pipe = (key.with_name(name) for name in ("link", "missing", "pipe"))
    link.symlink_to(key)
    os.mkfifo(pipe, 0o600)
    dangling = key.with_name("dangling")
    dangling.symlink_to(missing)
    for path in (link, missing, pipe, key.parent, dangling):
        with pytest.raises(KeyFileUnsafe):
            load(path)
    for path in (link, dangling):
        with pytest.raises(KeyFileUnsafe):
            load_or_create(path)
    assert not missing.exists()


def test_a_key_of_another_user_is_not_used(key: Path) -> None:
    need(root=True)
    os.chown(key, 65534, -1)
    with pytest.raises(KeyFileUnsafe, match="another user"):
        load(key)


def test_a_refusal_says_nothing_of_the_key(key: Path) -> None:
    key.write_bytes(b"canary-canary-canary")
    with pytest.raises(KeyFileUnsafe) as refused:
        load(key)
    assert "canary" not in str(refused.value)


def test_of_many_who_make_it_at_once_all_get_the_same(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / f"{number}/seal.key"
        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(lambda _: load_or_create(path), range(8)))) == 1  # noqa: B023
        assert list(path.parent.iterdir()) == [path]
