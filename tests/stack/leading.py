"""Who holds an office of the stack: the process at the other end of the connection that has its lock."""

import contextlib
from pathlib import Path

from storage import advisory
from tests.journeys.running_city import City
from tests.stack.breaking import database

_HOLDERS = """
SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) | objid::bigint = %s
"""


def leader(city: City, office: str) -> int:
    """The process that holds `office` now; 0 where nobody does."""
    with database(city) as connection:
        ports = [port for (port,) in connection.execute(_HOLDERS, [advisory.number(f"election {office}")])]
    assert len(ports) <= 1, "an office is held once"
    return _owner(ports[0]) if ports else 0


def writes_the_log(city: City, number: int) -> bool:
    """Whether a process has the log open in order to continue it."""
    lock = str(city.data / "audit/log/lock")
    return any(link == lock for link in _open(number))


def _owner(port: int) -> int:
    """Whose socket on loopback has this port."""
    inodes = {
        f"socket:[{words[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if int((words := line.split())[1].partition(":")[2], 16) == port and words[9] != "0"
    }
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and inodes & set(_open(int(entry.name))):
            return int(entry.name)
    return 0


def _open(number: int) -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{number}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
    return found
