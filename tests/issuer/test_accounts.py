"""Passwords, codes and lock-out, on real files."""

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from crypto.aead import Seal
from issuer import attempts
from issuer.accounts import PARALLEL_HASHES, Accounts
from issuer.errors import LoginTaken, PasswordUnfit, SignInRefused, TooManyAttempts
from tests.bounds import join_in_time
from tests.issuer.live import CHEAP, PASSWORD, SEED, Clock


class CountingHasher(PasswordHasher):
    """argon2id that counts its work, and how much of it ran at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8192, parallelism=1)
        self.verified, self.running, self.most = 0, 0, 0
        self.lock = threading.Lock()

    def verify(self, *given: str) -> bool:
        with self.lock:
            self.verified, self.running = self.verified + 1, self.running + 1
            self.most = max(self.most, self.running)
        try:
            return super().verify(*given)
        finally:
            with self.lock:
                self.running -= 1


@pytest.fixture
def accounts(tmp_path: Path, clock: Clock) -> Accounts:
    return Accounts(tmp_path / "accounts.db", Seal(b"k" * 32), clock, hasher=CHEAP)


def fail(accounts: Accounts, login: str = "li", *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            accounts.verify(login, "wrong")


def test_a_password_opens_its_account_under_any_spelling_of_the_login(accounts: Accounts) -> None:
    sub = accounts.create("Li.Lei", PASSWORD, "李雷")
    for login in ("li.lei", " LI.LEI ", "ｌｉ.lei"):
        assert accounts.verify(login, PASSWORD).sub == sub
    with pytest.raises(LoginTaken):
        accounts.create("LI.lei", PASSWORD, "另一人")


@pytest.mark.parametrize(("password", "seed"), [("x" * 14, ""), ("x" * 7, SEED), ("x" * 129, SEED), ("", "")])
def test_a_password_has_its_length(accounts: Accounts, password: str, seed: str) -> None:
    with pytest.raises(PasswordUnfit):
        accounts.create("li", password, "李雷", seed)


def test_a_long_password_counts_to_its_last_character(accounts: Accounts) -> None:
    accounts.create("li", "x" * 128, "李雷")
    for wrong in ("x" * 127, "x" * 129, "x" * 127 + "y", "x" * 1_000_000):
        with pytest.raises((SignInRefused, TooManyAttempts)):
            accounts.verify("li", wrong)


def test_neither_password_nor_seed_stands_in_the_file(tmp_path: Path, accounts: Accounts) -> None:
    accounts.create("li", PASSWORD, "李雷", SEED)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in stored
    assert PASSWORD.encode() not in stored
    assert SEED.encode() not in stored
    assert (tmp_path / "accounts.db").stat().st_mode & 0o077 == 0


def test_a_seed_moved_to_another_account_does_not_open(tmp_path: Path, accounts: Accounts, clock: Clock) -> None:
    accounts.create("li", PASSWORD, "李雷", SEED)
    mallory = accounts.create("mallory", PASSWORD, "马", pyotp.random_base32())
    with sqlite3.connect(tmp_path / "accounts.db") as file:
        file.execute("UPDATE account SET seed = (SELECT seed FROM account WHERE login = 'mallory') WHERE login = 'li'")
        file.execute("UPDATE account SET seed = (SELECT seed FROM account WHERE login = 'li') WHERE login = 'mallory'")
    file.close()
    with pytest.raises(Exception, match="does not open"):
        accounts.verify_code(accounts.verify("li", PASSWORD).sub, pyotp.TOTP(SEED).at(clock()))
    assert mallory


def test_unknown_logins_cost_the_same_work_and_are_locked_out_the_same_way(tmp_path: Path, clock: Clock) -> None:
    hasher = CountingHasher()
    accounts = Accounts(tmp_path / "a.db", Seal(b"k" * 32), clock, hasher=hasher)
    accounts.create("li", PASSWORD, "李雷")
    answers = {}
    for login in ("li", "nobody"):
        before = hasher.verified
        fail(accounts, login, times=attempts.FREE_ATTEMPTS)
        with pytest.raises(TooManyAttempts) as refusal:
            accounts.verify(login, "wrong")
        answers[login] = (hasher.verified - before, refusal.value.until)
    assert answers["li"] == answers["nobody"]


def test_no_more_than_two_passwords_are_hashed_at_once(tmp_path: Path, clock: Clock) -> None:
    hasher = CountingHasher()
    accounts = Accounts(tmp_path / "a.db", Seal(b"k" * 32), clock, hasher=hasher)
    for number in range(8):
        accounts.create(f"p{number}", PASSWORD, "人")
    threads = [threading.Thread(target=accounts.verify, args=(f"p{number}", PASSWORD)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join_in_time(thread)
    assert (hasher.verified, hasher.most) == (8, PARALLEL_HASHES)


def test_five_failures_lock_the_account_and_each_more_locks_it_longer(accounts: Accounts, clock: Clock) -> None:
    accounts.create("li", PASSWORD, "李雷")
    delays = []
    fail(accounts, times=attempts.FREE_ATTEMPTS - 1)
    for _ in range(8):
        fail(accounts)
        with pytest.raises(TooManyAttempts) as refusal:
            accounts.verify("li", PASSWORD)
        delays.append(refusal.value.until - clock())
        clock.now = refusal.value.until
    assert delays[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert delays[-1] == timedelta(minutes=15)
    assert accounts.verify("li", PASSWORD).login == "li"


def test_a_success_forgets_the_failures(accounts: Accounts) -> None:
    accounts.create("li", PASSWORD, "李雷")
    for _ in range(3):
        fail(accounts, times=attempts.FREE_ATTEMPTS - 1)
        accounts.verify("li", PASSWORD)


def test_parallel_guesses_get_no_more_attempts_than_guesses_in_a_row(tmp_path: Path, clock: Clock) -> None:
    hasher = CountingHasher()
    accounts = Accounts(tmp_path / "a.db", Seal(b"k" * 32), clock, hasher=hasher)
    accounts.create("li", PASSWORD, "李雷")

    def guess() -> None:
        with pytest.raises((SignInRefused, TooManyAttempts)):
            accounts.verify("li", "wrong")

    threads = [threading.Thread(target=guess) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join_in_time(thread)
    assert hasher.verified == attempts.FREE_ATTEMPTS


def test_lock_out_survives_a_restart(tmp_path: Path, accounts: Accounts, clock: Clock) -> None:
    accounts.create("li", PASSWORD, "李雷")
    fail(accounts, times=attempts.FREE_ATTEMPTS)
    with pytest.raises(TooManyAttempts):
        Accounts(tmp_path / "accounts.db", Seal(b"k" * 32), clock, hasher=CHEAP).verify("li", PASSWORD)


def test_a_flood_of_unknown_logins_frees_no_real_account(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(attempts, "MAX_UNKNOWN_LOGINS", 20)
    accounts.create("li", PASSWORD, "李雷")
    fail(accounts, times=attempts.FREE_ATTEMPTS)
    for number in range(50):
        fail(accounts, f"nobody-{number}")
    with sqlite3.connect(tmp_path / "accounts.db") as file:
        assert file.execute("SELECT count(*) FROM attempt").fetchone() == (21,)
    file.close()
    with pytest.raises(TooManyAttempts):
        accounts.verify("li", PASSWORD)


def test_a_code_counts_once_and_one_step_either_way(accounts: Accounts, clock: Clock) -> None:
    sub = accounts.create("li", PASSWORD, "李雷", SEED)
    totp = pyotp.TOTP(SEED)
    for offset, is_good in ((-60, False), (-30, True), (-30, False), (30, True), (30, False), (0, False), (60, False)):
        code = totp.at(clock() + timedelta(seconds=offset))
        if is_good:
            accounts.verify_code(sub, code)
        else:
            with pytest.raises(SignInRefused):
                accounts.verify_code(sub, code)


def test_codes_are_counted_apart_from_passwords(accounts: Accounts) -> None:
    sub = accounts.create("li", PASSWORD, "李雷", SEED)
    for _ in range(attempts.FREE_ATTEMPTS):
        accounts.verify("li", PASSWORD)  # knowing the password buys no more guesses
        with pytest.raises(SignInRefused):
            accounts.verify_code(sub, "000000")
    with pytest.raises(TooManyAttempts):
        accounts.verify_code(sub, "000000")
    accounts.verify("li", PASSWORD)


@pytest.mark.parametrize("code", ["", "0", "１２３４５６", "x" * 10_000, "\x00"])
def test_what_is_no_code_is_refused(accounts: Accounts, code: str) -> None:
    sub = accounts.create("li", PASSWORD, "李雷", SEED)
    with pytest.raises(SignInRefused):
        accounts.verify_code(sub, code)


def test_nobody_and_accounts_without_a_seed_have_no_code(accounts: Accounts) -> None:
    for sub in (accounts.create("wang", PASSWORD, "王芳"), "unknown"):
        with pytest.raises(SignInRefused):
            accounts.verify_code(sub, "000000")


def test_a_disabled_account_is_like_none(accounts: Accounts) -> None:
    sub = accounts.create("li", PASSWORD, "李雷", SEED)
    accounts.disable(sub)
    assert accounts.find(sub) is None
    fail(accounts)
    with pytest.raises(SignInRefused):
        accounts.verify("li", PASSWORD)


def test_the_default_hash_is_argon2id_as_the_library_recommends(tmp_path: Path, clock: Clock) -> None:
    accounts = Accounts(tmp_path / "a.db", Seal(b"k" * 32), clock)
    accounts.create("li", PASSWORD, "李雷")
    with sqlite3.connect(tmp_path / "a.db") as file:
        (stored,) = file.execute("SELECT password FROM account").fetchone()
    file.close()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(stored, "wrong")
