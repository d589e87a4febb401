"""One table from refusals to statuses."""

from authz.errors import AccessDenied, LeaseLost
from authz.request import Decision, Effect, Missing
from gateway.errors import RateExceeded, RouteUnknown
from gateway.problems import STATUSES, problem_of
from idp.errors import TokenSignatureInvalid


def test_a_denial_is_401_where_a_login_would_help_and_403_elsewhere() -> None:
    def status(missing: Missing | None) -> int:
        return problem_of(AccessDenied(Decision(id="1", effect=Effect.DENY, reason="r", missing=missing))).status

    assert [status(one) for one in (Missing.IDENTITY, Missing.ASSURANCE, Missing.ROLE, Missing.CLEARANCE, None)] == [
        401, 401, 403, 403, 403,
    ]  # fmt: skip


def test_later_says_when() -> None:
    assert problem_of(LeaseLost()).retry_seconds == 1
    assert problem_of(RateExceeded(retry_seconds=10)).retry_seconds == 10
    assert problem_of(RouteUnknown()).retry_seconds is None


def test_whatever_is_not_in_the_table_is_500_and_says_nothing() -> None:
    for failure in (ZeroDivisionError("canary"), TokenSignatureInvalid("canary"), ValueError()):
        assert (problem_of(failure).status, problem_of(failure).reason) == (500, "internal")


def test_a_foreign_exception_with_a_code_of_ours_is_still_a_bug() -> None:
    class Odd(Exception):
        code = "route-unknown"

    assert problem_of(Odd()).status == 500


def test_every_status_is_an_error() -> None:
    assert {status // 100 for status in STATUSES.values()} == {4, 5}
