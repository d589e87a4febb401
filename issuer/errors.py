"""What can go wrong in signing in; none of it tells whether an account exists.

SignInError
├── SignInRefused       the password or the code is wrong, or nobody may use this account
├── TooManyAttempts     wait until the time it carries
├── IssuerBusy          too many passwords are being checked at once
├── PageExpired         the form is older than it may be, or came from another browser
├── PasswordUnfit       too short or too long (NIST SP 800-63B-4 §3.1.1.2)
└── LoginTaken          another account has this login
"""

from datetime import datetime


class SignInError(Exception):
    """Base of everything the local issuer raises."""

    code = "sign-in"


class SignInRefused(SignInError):
    """The password or the code is wrong, or nobody may use this account."""

    code = "sign-in-refused"


class TooManyAttempts(SignInError):
    """The account takes no attempt before `until`."""

    code = "too-many-attempts"

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no attempt before {until:%H:%M:%S}")
        self.until = until


class IssuerBusy(SignInError):
    """Too many passwords are being checked at once; a moment later there is room."""

    code = "issuer-busy"


class PageExpired(SignInError):
    """The form is older than it may be, or came from another browser."""

    code = "page-expired"


class PasswordUnfit(SignInError):
    """Too short or too long (NIST SP 800-63B-4 §3.1.1.2)."""

    code = "password-unfit"


class LoginTaken(SignInError):
    """Another account has this login."""

    code = "login-taken"
