"""Every error that can reach the door has a status, and no status stands for nothing."""

import inspect

import audit.errors
import authz.errors
import backup.errors
import catalogue.errors
import crypto.errors
import gateway.errors
import grading.errors
import idp.errors
import infra.errors
import storage.errors
from gateway.problems import STATUSES

_EXEMPT = ("token-",)  # never leave idp: the relying party answers login-rejected for all of them


def _leaves() -> dict[str, type[Exception]]:
    found: list[type[Exception]] = []
    for module in (gateway.errors, authz.errors, idp.errors, audit.errors, crypto.errors, storage.errors,
                   catalogue.errors, infra.errors, grading.errors,
                   backup.errors):  # fmt: skip
        classes = [one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__]
        errors = [one for one in classes if issubclass(one, Exception)]
        found += [one for one in errors if not any(issubclass(other, one) for other in errors if other is not one)]
    codes = {one.code: one for one in found}  # type: ignore[attr-defined]
    assert len(codes) == len(found), "two errors share a code"
    return codes


def test_every_leaf_error_has_a_status_and_no_entry_is_stale() -> None:
    codes = {code for code in _leaves() if not code.startswith(_EXEMPT)}
    assert codes == STATUSES.keys()


def test_every_leaf_stands_in_its_modules_tree() -> None:
    missing = [one.__name__ for one in _leaves().values() if one.__name__ not in (inspect.getmodule(one).__doc__ or "")]  # type: ignore[union-attr]
    assert missing == []
