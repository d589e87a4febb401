"""What can go wrong in finding out who is calling; messages name no person and quote no secret.

IdpError
├── CredentialRejected        the credential proves nobody; one answer for every reason
├── SessionUnknown            no such session, or it was ended
├── PersonUnknown             the directory knows no such person
├── AppUnknown                no such app, ended, or of a department that is not yours
├── AppPausedSince            paused after it was asked that the app be resumed
├── LimitReached              as many as may be at once
├── IssuerUnavailable         the issuer did not answer in time, in size or in form
├── IssuerAdministrationUnavailable   its administration did not answer, or would not do as it was told
├── LoginRejected             a login came back that must not become a session
├── LogoutRejected            what says that a sign-on is over does not come from the issuer, or came before
└── TokenInvalid              the token fails one of the numbered checks of its kind
    ├── TokenMalformed            size, parts, encoding, JSON
    ├── TokenAlgorithmRefused     algorithm not on the issuer's list, or not the key's
    ├── TokenHeaderRefused        a key, a key's address or an extension in the header, or another kind of token
    ├── TokenKeyUnknown           no pinned key of that id
    ├── TokenSignatureInvalid     the signature does not verify
    ├── TokenIssuerWrong          another issuer
    ├── TokenAudienceWrong        meant for somebody else
    ├── TokenTimeWrong            expired, not yet valid, or issued in the future
    ├── TokenNonceWrong           answers another login
    └── TokenClaimsWrong          a claim is missing or of another type
"""


class IdpError(Exception):
    """Base of everything this package raises."""

    code = "idp"


class CredentialRejected(IdpError):
    """The credential proves nobody; the reason stays here."""

    code = "credential-rejected"

    def __init__(self) -> None:
        super().__init__("credential rejected")


class SessionUnknown(IdpError):
    """No such session, or it was ended."""

    code = "session-unknown"


class PersonUnknown(IdpError):
    """The directory knows no such person."""

    code = "person-unknown"


class AppUnknown(IdpError):
    """That department has no such app, or it is not for the asker to know."""

    code = "app-unknown"


class AppPausedSince(IdpError):
    """The app was paused after it was asked that it be resumed; who agreed did not know of that pause."""

    code = "app-paused-since"


class LimitReached(IdpError):
    """A department's apps or resources, or a resource's shares, are as many as may be at once."""

    code = "catalogue-full"  # as the answers have always called it


class IssuerUnavailable(IdpError):
    """The issuer did not answer in time, in size or in form; nobody new can sign in until it does."""

    code = "issuer-unavailable"


class IssuerAdministrationUnavailable(IdpError):
    """The issuer's administration did not answer in time, or would not do as it was told."""

    code = "issuer-administration-unavailable"


class LoginRejected(IdpError):
    """A login came back that must not become a session; `return_to` is where a new one may lead."""

    code = "login-rejected"

    def __init__(self, reason: str, *, return_to: str = "/") -> None:
        super().__init__(reason)
        self.return_to = return_to


class LogoutRejected(IdpError):
    """No logout token of the issuer, or one that was used before; nobody is signed out by it."""

    code = "logout-rejected"


class TokenInvalid(IdpError):
    """The token fails one of the numbered checks; the leaves say which group."""

    code = "token-invalid"


class TokenMalformed(TokenInvalid):
    """Not a compact JWS of JSON objects with one reading (RFC 7515 §7.1, RFC 8725 §2.4)."""

    code = "token-malformed"


class TokenAlgorithmRefused(TokenInvalid):
    """The algorithm is not on the issuer's list, or is not the key's own (RFC 8725 §3.1)."""

    code = "token-algorithm-refused"


class TokenHeaderRefused(TokenInvalid):
    """The header brings a key or an extension, or this is another kind of token (RFC 8725 §3.10, §3.11)."""

    code = "token-header-refused"


class TokenKeyUnknown(TokenInvalid):
    """None of the issuer's pinned keys has this id."""

    code = "token-key-unknown"

    def __init__(self, kid: str) -> None:
        super().__init__("no pinned key of that id")
        self.kid = kid


class TokenSignatureInvalid(TokenInvalid):
    """The signature does not verify with the named key."""

    code = "token-signature-invalid"


class TokenIssuerWrong(TokenInvalid):
    """Signed by, or for, another issuer."""

    code = "token-issuer-wrong"


class TokenAudienceWrong(TokenInvalid):
    """Meant for another client."""

    code = "token-audience-wrong"


class TokenTimeWrong(TokenInvalid):
    """Expired, not yet valid, or issued in the future."""

    code = "token-time-wrong"


class TokenNonceWrong(TokenInvalid):
    """Answers another login than the one this browser began."""

    code = "token-nonce-wrong"


class TokenClaimsWrong(TokenInvalid):
    """A claim is missing, empty, too long or of another type."""

    code = "token-claims-wrong"
