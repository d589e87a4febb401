"""A log with its spools on a real disk, and the events that fill it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit import index as indexes
from audit.event import Event, EventKind
from audit.sequencer import Sequencer
from audit.spool import Spool
from audit.verify import Report, verify
from crypto.sign import SigningKey

NOW = datetime(2026, 3, 1, 8, 0, 0, 123000, UTC)
ORIGIN = "city.example/audit"
KEY = SigningKey(bytes(range(32)))


def event(number: int = 0, **fields: Any) -> Event:
    """An event that can be told from others by its id."""
    values: dict[str, Any] = {
        "id": f"request-{number:06d}",
        "kind": EventKind.DECISION,
        "at": NOW + timedelta(seconds=number),
        "subject": "user:li",
        "department": "housing",
        "object": f"/permits/{number}",
        "action": "read",
        "label": 3,
        "result": "permit",
    }
    return Event(**values | fields)


def append(spool: Spool, *events: Event, synced: bool = False, reserved: bool = False) -> None:
    """Append one after the other, where no event loop runs."""

    async def one_by_one() -> None:
        for one in events:
            await spool.append(one, synced=synced, reserved=reserved)

    asyncio.run(one_by_one())


@dataclass
class City:
    """The folders of one city, and what is done with them."""

    root: Path
    opened: list[Spool] = field(default_factory=list)

    @property
    def spools(self) -> Path:
        return self.root / "spools"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def index(self) -> Path:
        return self.root / "index.db"

    def spool(self, name: str = "city", **options: Any) -> Spool:
        spool = Spool(self.spools / name, clock=lambda: NOW, **options)
        self.opened.append(spool)
        return spool

    def write(self, *events: Event, name: str = "city") -> None:
        """One process's life: open, write, end."""
        spool = Spool(self.spools / name, clock=lambda: NOW)
        append(spool, *events)
        spool.close()

    def sequencer(self) -> Sequencer:
        return Sequencer(spools=self.spools, log=self.log, key=KEY, origin=ORIGIN)

    def integrate(self) -> int:
        sequencer = self.sequencer()
        try:
            return sequencer.integrate()
        finally:
            sequencer.close()

    def refresh(self) -> int:
        return indexes.refresh(self.index, log=self.log, key=KEY.public, origin=ORIGIN)

    def verify(self, **options: Any) -> Report:
        index = self.index if self.index.exists() else None
        return verify(
            self.log, **{"spools": self.spools, "index": index, "key": KEY.public, "origin": ORIGIN} | options
        )
