"""What can go wrong with keys and sealed data; messages never say which check failed.

CryptoError
├── KeyFileUnsafe      the key file is missing where it must exist, readable by others, or damaged
├── SealInvalid        a sealed value does not open: wrong key, purpose, version or a changed byte
└── SignatureInvalid   a signature does not verify
"""


class CryptoError(Exception):
    """Base of everything this package raises."""

    code = "crypto"


class KeyFileUnsafe(CryptoError):
    """The key file may not be used; the message says what to do."""

    code = "key-file-unsafe"


class SealInvalid(CryptoError):
    """One uniform answer for every reason a sealed value does not open."""

    code = "seal-invalid"

    def __init__(self) -> None:
        super().__init__("sealed value does not open")


class SignatureInvalid(CryptoError):
    """The signature does not belong to this message and key."""

    code = "signature-invalid"

    def __init__(self) -> None:
        super().__init__("signature does not verify")
