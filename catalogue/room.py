"""Resources, apps and shares put together, over the same stores."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from authz.label import Label
from catalogue.resource import Resources
from catalogue.share import Shares
from crypto.aead import Sealer
from idp.apps import Apps
from storage.database import Database
from storage.epoch import EpochSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Resources, the apps that use them, and for how long."""

    resources: Resources
    apps: Apps
    shares: Shares


def open_catalogue(
    database: Database,
    epochs: EpochSource,
    seal: Sealer,
    *,
    label_of: Callable[[str, str, str], Label | None],
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Catalogue:
    """Put them together, and write nothing; the arguments are those of `Resources`, `Apps` and `Shares`."""
    return Catalogue(
        resources=Resources(database, epochs=epochs, label_of=label_of, clock=clock, mint=mint),
        apps=Apps(database, seal, epochs=epochs, clock=clock, mint=mint),
        shares=Shares(database, epochs=epochs, clock=clock, mint=mint),
    )
