"""Labels 1–5 of objects (安全标记), and the ceiling that a session's assurance puts on its subject."""

from enum import IntEnum


class Label(IntEnum):
    """How sensitive an object is; never a system's grade (GB/T 22239-2019 8.1.4.2 g)."""

    L1 = 1  # public
    L2 = 2
    L3 = 3
    L4 = 4
    L5 = 5


_CEILINGS = {0: Label.L1, 1: Label.L1, 2: Label.L2, 3: Label.L3, 4: Label.L4, 5: Label.L5}


def ceiling_of(assurance: int) -> Label:
    """Return the highest label that a session of this assurance may touch.

    The assurance is 0 for nobody signed in, 2 for a password, 3 for a password and a one-time code (TOTP), 4 for a
    passkey, 5 for a hardware certificate. One that we do not know counts as none: label 1.
    """
    return _CEILINGS.get(assurance, Label.L1)
