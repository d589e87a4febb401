"""The command `bench`: one of the measurements, by its name."""

import importlib
import sys

import click

from city.options import fail_to_start
from city.supervisor import CannotStart
from loadtests.meter import CannotMeasure


@click.command("bench")
@click.argument("name", type=click.Choice(["decisions", "crypto", "infra", "backup", "gateway", "login", "revocation"]))
@click.option("--profile", type=click.Choice(["embedded", "stack"]), default="embedded", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def bench_command(name: str, *, profile: str, as_json: bool) -> None:
    """Measure, beside a baseline or a peer in the same run; 1 if an answer was wrong."""
    bench = importlib.import_module(f"loadtests.{name}")  # only this one: their peers are slow to import
    try:
        sys.exit(bench.main(as_json) if name in ("decisions", "crypto", "infra") else bench.main(as_json, profile))
    except (CannotMeasure, CannotStart) as failure:
        fail_to_start(failure)
