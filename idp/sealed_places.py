"""Where this package keeps what the platform sealed: sessions, keys of apps, and cookies of sessions in use."""

from collections.abc import Sequence

from crypto.reseal import Column, Forgettable, SealedPlace
from idp import apps, recheck
from idp.cookies import PREFIX
from idp.session import ID_TOKEN
from idp.store import app, session
from storage.database import Database
from storage.ephemeral import Ephemeral


def sealed_places(database: Database, ephemeral: Ephemeral) -> Sequence[SealedPlace]:
    """Return every place where something that the platform sealed is kept for longer than a request.

    A sign-in under way is in a browser and nowhere else, for 10 minutes.
    """
    return (
        Column(database, session.c.id_token, purpose=lambda _row: ID_TOKEN),
        Column(database, session.c.refresh_token, purpose=lambda row: recheck.purpose_of(row["id"])),
        Column(database, app.c.sealed, purpose=lambda row: apps.seal_purpose(row["id"])),
        Forgettable(ephemeral, PREFIX),
    )
