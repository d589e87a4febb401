"""A process that writes records and says which were acknowledged; made to be killed.

`writer.py SPOOL PREFIX` writes for ever from eight callers and prints each id once its append returned.
`writer.py SPOOL PREFIX COUNT` writes COUNT records one by one, a refused one again until taken, and prints at the end
how often it was refused, then the ids that were taken.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import AuditUnavailable
from audit.spool import Spool
from tests.audit.city import event


async def caller(spool: Spool, prefix: str, number: int) -> None:
    turn = 0
    while True:
        one = f"{prefix}-{number}-{turn:05d}"
        synced = turn % 4 != 3
        await spool.append(event(turn, id=one), synced=synced)
        if synced:
            os.write(1, one.encode() + b"\n")
        turn += 1


async def callers(spool: Spool, prefix: str) -> None:
    await asyncio.gather(*(caller(spool, prefix, number) for number in range(8)))


async def one_by_one(spool: Spool, prefix: str, count: int) -> None:
    refused, taken = 0, []
    while len(taken) < count:
        one = f"{prefix}-{len(taken):05d}-{refused}"
        try:
            await spool.append(event(id=one), synced=True)
            taken.append(one)
        except AuditUnavailable:
            refused += 1
            await asyncio.sleep(0.01)
    os.write(1, " ".join([str(refused), *taken]).encode())  # one call: the writes are counted from outside


if __name__ == "__main__":
    opened = Spool(Path(sys.argv[1]), clock=lambda: datetime.now(UTC), retry_seconds=0.05)
    if len(sys.argv) > 3:
        asyncio.run(one_by_one(opened, sys.argv[2], int(sys.argv[3])))
        opened.close()
    else:
        asyncio.run(callers(opened, sys.argv[2]))
