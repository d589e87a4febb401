"""What can go wrong with keys and sealed data; messages never say which check failed.

CryptoError
├── KeyFileUnsafe      the key file is missing where it must exist, readable by others, or damaged
├── SealInvalid        a sealed value does not open: wrong key, purpose, version or a changed byte
├── SignatureInvalid   a signature does not verify
├── KeyDamaged         what a key is made of is not whole
├── KeyUnknown         there is no such key in that department
├── KeyExists          there is one of that name
├── TooManyKeys        a department has as many as it may have
├── KeyMisused         the key is there for something else
└── KeyInUse           a version cannot retire: it is active, or something still refers to it
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


class KeyDamaged(CryptoError):
    """A key that must not be used: its halves do not belong together, or it is not whole."""

    code = "key-damaged"

    def __init__(self) -> None:
        super().__init__("the key is damaged")


class KeyUnknown(CryptoError):
    """No such key there; whether another department has one is not told."""

    code = "key-unknown"


class KeyExists(CryptoError):
    """A key's name is given once in a department, and never again."""

    code = "key-exists"


class TooManyKeys(CryptoError):
    """The bound of keys in one department."""

    code = "too-many-keys"


class KeyMisused(CryptoError):
    """A signing key seals nothing, and the platform's own keys serve the platform alone."""

    code = "key-misused"


class KeyInUse(CryptoError):
    """This version may not retire yet."""

    code = "key-in-use"
