"""Nothing leaves before its record is durable (law 5), as the kernel saw it."""

import contextlib
import http.client
import itertools
import threading

from tests.bounds import join_in_time
from tests.faults.faults import pid, traced
from tests.faults.order import CALLS, order
from tests.faults.visitor import ask, eventually, host_of, key, port_of

_numbers = itertools.count(1)


def asked(city, lines, path) -> tuple[str, int]:
    """One GET of a path nobody asked for before; the path, and the port it was asked from."""
    target = f"{path}{next(_numbers)}"
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port_of(city), timeout=30)) as connection:
        connection.connect()
        port = connection.sock.getsockname()[1]
        connection.request("GET", target, headers={"Host": host_of(city, "marriage"), **key(city, "wang")})
        assert connection.getresponse().status == 404  # the portal's: it has no such page
        eventually(lambda: any(f"GET {target} " in line for line in lines()))
    return target, port


def test_a_label_3_answer_leaves_after_the_sync_that_covers_its_record(city) -> None:
    """fault: none, traced — every byte to the portal and to the client comes after the record's fdatasync returned."""
    with traced(pid(city, "city"), CALLS) as lines:
        stop = threading.Event()

        def others() -> None:
            while not stop.is_set():
                ask(city, "marriage", "GET", "/whoami", key(city, "wang"))

        crowd = [threading.Thread(target=others) for _ in range(2)]
        for one in crowd:
            one.start()
        weighty = [asked(city, lines, "/certificates/traced-") for _ in range(6)]
        stop.set()
        for one in crowd:
            join_in_time(one)
        plain = [asked(city, lines, "/files/traced-") for _ in range(6)]
    ports = {"public_port": port_of(city)}
    for target, port in weighty:
        found = order(lines(), target, client_port=port, **ports)
        assert found.holds, found
    # the same reading finds what it looks for where it may happen: a label-2 answer does not wait for the disk
    assert not all(order(lines(), target, client_port=port, **ports).holds for target, port in plain)
    assert all(
        found.recorded < found.answered for found in (order(lines(), t, client_port=p, **ports) for t, p in plain)
    )
    # and a trace in which the disk never said that it was done convicts
    without = [line for line in lines() if "fdatasync" not in line]
    assert not any(order(without, target, client_port=port, **ports).holds for target, port in weighty)
