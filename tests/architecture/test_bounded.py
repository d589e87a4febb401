"""What starts something, and every test, waits for nothing without a bound: a hung run says nothing, a failed one does."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, dotted

STARTERS = ("commands", "city", "deploy", "loadtests", "tests")
RUNS = {"run", "call", "check_call", "check_output"}
BOUNDED = {"asyncio.wait_for", "asyncio.timeout"}


@cache
def places() -> tuple[str, ...]:
    """What starts a city, a measurement or a test, and all that these call themselves."""
    inside = (path for folder in STARTERS for path in (ROOT / folder).rglob("*.py"))
    return tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / "citygate", *ROOT.glob("*.py"), *inside)))


def unbounded(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, call) of each wait that nothing ends."""
    inside = {id(one) for node in ast.walk(tree) if _bounds(node) for one in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in inside and _waits(node):
            yield node.lineno, ast.unparse(node.func)
        if isinstance(node, ast.withitem) and _name(node.context_expr) == "Popen":
            yield node.context_expr.lineno, "with Popen"  # it waits at the end of the block


def _bounds(node: ast.AST) -> bool:
    if isinstance(node, ast.AsyncWith):
        return any(_is_bound(one.context_expr) for one in node.items)
    return isinstance(node, ast.Call) and _is_bound(node)


def _is_bound(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in BOUNDED


def _name(node: ast.expr) -> str:
    return dotted(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def _waits(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    has = {keyword.arg for keyword in node.keywords}
    owner = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    if name == "wait" and dotted(owner) == "asyncio":
        return "timeout" not in has
    if name in RUNS and dotted(owner) == "subprocess":
        return "timeout" not in has
    if name in ("wait", "join"):
        return not node.args and not has & {"timeout", "seconds"}
    if name == "communicate":
        return "timeout" not in has
    if name == "result":
        return not node.args and _name(owner) in ("run_coroutine_threadsafe", "submit")
    return name in ("readline", "readlines") and isinstance(owner, ast.Attribute) and owner.attr in ("stdout", "stderr")


@pytest.mark.parametrize("place", places())
def test_no_wait_is_without_a_bound(place: str) -> None:
    text = (ROOT / place).read_text()
    assert [f"{place}:{line} {call}" for line, call in unbounded(ast.parse(text, place))] == []


def test_who_reads_from_a_socket_says_for_how_long() -> None:
    reading = [one for one in places() if ".recv" in (text := (ROOT / one).read_text()) and "timeout" not in text]
    assert [one for one in reading if Path(one).name != Path(__file__).name] == []


@pytest.mark.parametrize(
    "wait",
    [
        "process.wait()", "thread.join()", "process.communicate()", "process.communicate(b'')", "await done.wait()",
        "await asyncio.wait({task})", "subprocess.run(['x'])", "subprocess.call(['x'], check=True)",
        "process.stdout.readline()", "asyncio.run_coroutine_threadsafe(x(), loop).result()", "pool.submit(x).result()",
        "with subprocess.Popen(['x']) as process: pass",
    ],
)  # fmt: skip
def test_a_wait_without_a_bound_is_seen(wait: str) -> None:
    assert list(unbounded(ast.parse(f"async def f():\n    {wait}")))


@pytest.mark.parametrize(
    "wait",
    [
        "process.wait(20)", "thread.join(timeout=5)", "','.join(words)", "process.communicate(timeout=5)",
        "await asyncio.wait_for(done.wait(), 5)", "await asyncio.wait({task}, timeout=5)", "task.result()",
        "subprocess.run(['x'], timeout=5)", "answer.readline()", "future.result(5)",
        "async with asyncio.timeout(5): await done.wait()",
    ],
)  # fmt: skip
def test_a_bounded_wait_is_none(wait: str) -> None:
    assert not list(unbounded(ast.parse(f"async def f():\n    {wait}")))
