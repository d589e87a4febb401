"""Trees of files by both engines: the same contract, the same digest, and nothing wrong called a success."""

import shutil
from pathlib import Path

import pytest

from backup.engine import BackupPart, Engine
from backup.errors import BackupError, EngineFailed, EngineMissing, PartDamaged
from backup.files import FilesEngine, put
from backup.restic import Restic
from backup.sealed_files import Vault
from crypto.aead import Seal
from tests.needs import need

TREE = {"log/checkpoint": b"c" * 100, "log/tile/0/000": b"\x00\x01" * 4096, "名/空 file": b"", "a": b"canary-clear"}


def made(kind: str, place: Path) -> Engine:
    if kind == "files":
        return FilesEngine(Vault(Seal(b"k" * 32)))
    need("restic")
    (place / "password").write_text("correct horse")
    return Restic(place / "repository", password=place / "password", scratch=place / "scratch")


@pytest.fixture(params=["files", "restic"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return made(request.param, tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "backup"
    place.mkdir()
    return place


def take(engine: Engine, folder: Path, tree: dict[str, bytes] = TREE) -> BackupPart:
    return engine.take("audit", lambda: list(tree.items()), folder)


def below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_was_taken_comes_back_byte_for_byte(engine: Engine, folder: Path, tmp_path: Path) -> None:
    part = take(engine, folder)
    assert (part.counts, part.bytes) == ({"files": 4}, sum(map(len, TREE.values())))
    engine.restore(part, folder, tmp_path / "into")
    assert below(tmp_path / "into" / "audit") == TREE


def test_nothing_in_the_clear_is_kept(engine: Engine, folder: Path, tmp_path: Path) -> None:
    take(engine, folder)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"canary-clear" in path.read_bytes()]


def test_both_engines_mean_the_same_by_a_digest(folder: Path, tmp_path: Path) -> None:
    digests = {kind: take(made(kind, tmp_path), folder).digest for kind in ("files", "restic")}
    assert len(set(digests.values())) == 1


def test_a_flipped_byte_is_found(engine: Engine, folder: Path, tmp_path: Path) -> None:
    part = take(engine, folder)
    stored = [path for path in (*folder.rglob("*"), *(tmp_path / "repository/data").rglob("*")) if path.is_file()]
    for path in stored:
        data = bytearray(path.read_bytes())
        data[20] ^= 1  # of the head of ours, of the first content of restic's
        path.chmod(0o600)
        path.write_bytes(data)
    with pytest.raises(BackupError):
        engine.restore(part, folder, tmp_path / "into")


def test_a_missing_file_is_found(engine: Engine, folder: Path, tmp_path: Path) -> None:
    part = take(engine, folder)
    for place in (folder, tmp_path / "repository/data"):
        shutil.rmtree(place, ignore_errors=True)
    with pytest.raises(BackupError):
        engine.restore(part, folder, tmp_path / "into")


def test_another_key_or_password_restores_nothing_and_none_is_told(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    part = take(engine, folder)
    wrong: Engine = FilesEngine(Vault(Seal(b"w" * 32)))
    if engine.name == "restic":
        (tmp_path / "wrong").write_text("battery staple")
        wrong = Restic(tmp_path / "repository", password=tmp_path / "wrong", scratch=tmp_path / "scratch")
    with pytest.raises(BackupError) as refused:
        wrong.restore(part, folder, tmp_path / "into")
    assert "battery" not in str(refused.value)
    assert "correct" not in str(refused.value)


def test_a_changed_restore_is_not_what_the_manifest_says(engine: Engine, folder: Path, tmp_path: Path) -> None:
    part = take(engine, folder)
    later = take(engine, folder if engine.name == "restic" else _other(folder), TREE | {"a": b"other"})
    asked = BackupPart(
        name=part.name, engine=part.engine, reference=later.reference, bytes=0, digest=part.digest, counts=part.counts
    )
    with pytest.raises(PartDamaged):
        engine.restore(asked, folder if engine.name == "restic" else _other(folder), tmp_path / "into")


def test_restic_lets_go_of_one_snapshot_and_keeps_the_others(folder: Path, tmp_path: Path) -> None:
    engine = made("restic", tmp_path)
    first, second = take(engine, folder), take(engine, folder, {"b": b"2"})
    engine.forget(first)
    engine.restore(second, folder, tmp_path / "into")
    with pytest.raises(EngineFailed):
        engine.restore(first, folder, tmp_path / "again")


def test_a_missing_password_says_what_to_do(tmp_path: Path) -> None:
    engine = Restic(tmp_path / "repository", password=tmp_path / "nowhere", scratch=tmp_path)
    assert "nowhere" in engine.what_is_missing()


def test_a_program_that_is_not_installed_says_what_to_do() -> None:
    from backup.program import Program

    program = Program(name="citygate-no-such-program", package="no-such-package", seconds=1)
    with pytest.raises(EngineMissing, match="apt-get install no-such-package"):
        program.run("x")


def test_a_program_that_does_not_end_is_ended() -> None:
    from backup.program import Program

    with pytest.raises(EngineFailed, match="did not end within"):
        Program(name="sleep", package="coreutils", seconds=0.2).run("60")


def test_what_a_program_says_of_its_failure_holds_no_password() -> None:
    from backup.program import error_line

    said = error_line("Fatal: unable to open rest:https://me:hunter2@host/\x1b[31m repository\nmore\n")
    assert "hunter2" not in said
    assert "\x1b" not in said
    assert "unable to open" in said


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "", "."])
def test_no_name_leads_out_of_what_is_restored(tmp_path: Path, name: str) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(PartDamaged):
        put(tmp_path / "root", name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def _other(folder: Path) -> Path:
    place = folder.with_name("other")
    place.mkdir(exist_ok=True)
    return place
