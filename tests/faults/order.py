"""What a trace of system calls says about the order of record, fdatasync, upstream and answer."""

import re
from dataclasses import dataclass
from functools import partial

CALLS = "fdatasync,fsync,write,writev,sendto,sendmsg"
_LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)")
_NEVER = 1 << 60


@dataclass(frozen=True)
class Order:
    """At which line of the trace the record was written, when the sync that covers it returned, and what left when."""

    recorded: int
    durable: int
    asked_upstream: int
    answered: int

    @property
    def holds(self) -> bool:
        """Law 5 for labels ≥ 3: the sync comes before every byte that leaves."""
        return self.recorded < self.durable < min(self.asked_upstream, self.answered) < _NEVER


def order(lines: list[str], target: str, *, public_port: int, client_port: int) -> Order:
    """Read a trace for one request whose `target` nobody else asks for.

    A complete line stands where its call returned and nothing else was traced in between; of an interrupted call the
    first half stands where bytes may begin to leave, the second where it returned.
    """
    recorded = durable = asked = answered = _NEVER
    client = f"<TCP:[127.0.0.1:{public_port}->127.0.0.1:{client_port}]>"
    syncing: set[str] = set()  # threads whose sync began after the record was written
    writing: set[str] = set()
    for number, line in enumerate(lines):
        if not (read := _LINE.match(line)):
            continue
        thread, call, rest = read["thread"], read["call"] or read["resumed"], read["rest"]
        starts, ends = bool(read["call"]), "<unfinished" not in rest
        to_spool = ".segment>" in rest.partition(",")[0]
        first = partial(min, number)
        if call in ("fdatasync", "fsync"):
            if starts and recorded < number and to_spool:
                syncing.add(thread)
            if ends and thread in syncing:
                syncing.discard(thread)
                durable = first(durable) if rest.rstrip().endswith("= 0") else durable
        elif starts and to_spool and target in rest:
            writing.add(thread)
        elif starts and client in rest:
            answered = first(answered)
        elif starts and "<TCP:" in rest and f"GET {target} " in rest:
            asked = first(asked)
        if call == "write" and ends and thread in writing:
            writing.discard(thread)
            recorded = first(recorded)
    return Order(recorded, durable, asked, answered)


def unsynced_bytes(lines: list[str], segment: str) -> int:
    """How many bytes at the end of a segment no returned fdatasync covers; 0 where the trace cannot say."""
    writes: list[int] = []  # bytes, in order
    begun: dict[str, int] = {}  # thread → how many writes stood before its sync began
    covered, writing = None, ""
    for line in lines:
        if not (read := _LINE.match(line)):
            continue
        thread, rest = read["thread"], read["rest"]
        ours, result = f"/{segment}>" in rest.partition(",")[0], rest.rstrip().rpartition("= ")[2]
        if read["call"] == "fdatasync" and ours:
            begun[thread] = len(writes)
        if (read["call"] or read["resumed"]) == "fdatasync" and thread in begun and result == "0":
            covered = max(covered or 0, begun.pop(thread))
        if read["call"] == "write" and ours:
            writing = thread
        if (read["call"] or read["resumed"]) == "write" and thread == writing and result.isdigit():
            writes.append(int(result))
            writing = ""
    return 0 if covered is None or writing else sum(writes[covered:])
