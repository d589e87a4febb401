"""A process that ends takes its workers with it, so that it can be started again."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from city.supervisor import BARE, CannotStart, Process, Supervisor, answers, free_ports
from tests.faults.faults import alive
from tests.faults.visitor import eventually

# as nginx: the worker holds the listening socket that the master opened
MASTER = """
import http.server, os, sys, time
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
if worker := os.fork():
    print(worker, flush=True)
    time.sleep(600)
server.serve_forever()
"""


@pytest.fixture
def supervisor(tmp_path: Path):
    (port,) = free_ports(1)
    process = Process(name="master", command=[sys.executable, "-c", MASTER, str(port)], environment=BARE,
                      folder=tmp_path, ready=lambda: answers(port))  # fmt: skip
    started = Supervisor(logs=tmp_path)
    started.start([process], within_seconds=20)
    yield started
    started.stop()


def workers(supervisor: Supervisor) -> list[int]:
    log = (supervisor.logs / "master.log").read_text()
    return [int(line) for line in log.splitlines() if line.isdigit()]


def test_a_killed_master_is_started_again_although_its_worker_held_the_port(supervisor: Supervisor) -> None:
    (process,) = supervisor.processes
    before, (worker,) = supervisor.pids()["master"], workers(supervisor)
    process.begun -= 10  # it has been up for longer than the pause between two starts
    os.kill(before, signal.SIGKILL)
    eventually(lambda: supervisor.look_after() or len(workers(supervisor)) == 2, 20)
    eventually(process.ready, 20)
    assert not alive(worker)


def test_a_master_that_does_not_stop_leaves_no_worker(supervisor: Supervisor, monkeypatch) -> None:
    monkeypatch.setattr("city.supervisor._STOP_SECONDS", 0.2)
    (process,), (worker,) = supervisor.processes, workers(supervisor)
    os.kill(supervisor.pids()["master"], signal.SIGSTOP)
    supervisor.stop()
    assert process.has_ended()
    eventually(lambda: not alive(worker), 20)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(process.command[3])))


def test_what_does_not_start_is_told_with_its_last_words_of_this_start(tmp_path: Path) -> None:
    (tmp_path / "silent.log").write_text("of yesterday\n")
    for name, program, told in (
        ("loud", "import sys; print('so', flush=True); sys.exit('because')", ": because"),
        ("silent", "", ""),
    ):
        process = Process(name=name, command=[sys.executable, "-c", program], environment=BARE,
                          folder=tmp_path, ready=lambda: False)  # fmt: skip
        with pytest.raises(CannotStart) as failure:
            Supervisor(logs=tmp_path).start([process], within_seconds=20)
        assert str(failure.value) == f"not ready: {name}{told}; see {tmp_path}/*.log"
