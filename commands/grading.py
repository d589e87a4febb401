"""Grade systems and assess them, through the door."""

from pathlib import Path

import click

from commands.client import Door, door, target
from commands.output import EXIT_USAGE, fail, receipt_line, table

_HARMED = click.Choice(["citizens", "society", "state"])
_HARM = click.Choice(["general", "serious", "grave"])


@click.group("grade")
def grade_group() -> None:
    """The grades of systems (定级)."""


@grade_group.command("list")
@door("security-administrator")
def grade_list(door: Door) -> None:
    """Every system with S, A and the default label of its objects."""
    answer = door.ask("GET", "/api/v1/systems")
    door.tell(answer, table(answer["items"], ("id", "department", "s", "a", "label")))


@grade_group.command("propose")
@click.argument("system")
@click.option("--s-harmed", type=_HARMED, required=True, help="Whose interest is harmed if its information is spoilt.")
@click.option("--s-harm", type=_HARM, required=True)
@click.option("--a-harmed", type=_HARMED, required=True, help="Whose interest is harmed if its service fails.")
@click.option("--a-harm", type=_HARM, required=True)
@click.option("--basis", required=True, help="Why these answers; no personal data.")
@door("security-administrator")
def grade_propose(door: Door, system: str, **answers: str) -> None:
    """Propose the grade of SYSTEM; a second security administrator approves it."""
    answer = door.ask("POST", target("/api/v1/systems", system, "grade"), answers)
    says = f"S{answer['s']}A{answer['a']}, grade {answer['grade']}, label {answer['label']}"
    door.tell(answer, f"{system}: {says}, {receipt_line(answer['receipt'])}")


@click.group("assess")
def assess_group() -> None:
    """Self-assessments (自查)."""


@assess_group.command("run")
@click.argument("system")
@door("security-administrator")
def assess_run(door: Door, system: str) -> None:
    """Ask every control of SYSTEM's grade now."""
    answer = door.ask("POST", target("/api/v1/systems", system, "assessments"))
    lines = [one | {"seen": ", ".join(seen["code"] for seen in one["evidence"])} for one in answer["controls"]]
    door.tell(answer, table(lines, ("id", "clause", "method", "status", "seen", "leaf")))


@assess_group.command("list")
@click.argument("system")
@door("security-administrator")
def assess_list(door: Door, system: str) -> None:
    """The last self-assessments of SYSTEM, newest first."""
    answer = door.ask("GET", target("/api/v1/systems", system, "assessments"))
    door.tell(answer, table(answer["items"], ("id", "run_at")))


@assess_group.command("answer")
@click.argument("system")
@click.argument("control")
@click.option("--status", type=click.Choice(["met", "partly", "unmet", "not-applicable"]), required=True)
@click.option("--reason", required=True, help="What the answer rests on; no personal data.")
@click.option("--until", required=True, help="RFC 3339, for example 2027-01-31T23:59:59+08:00; at most a year.")
@door("security-administrator")
def assess_answer(door: Door, system: str, control: str, **terms: str) -> None:
    """Answer CONTROL of SYSTEM, which no probe can judge, in your own name."""
    answer = door.ask("POST", target("/api/v1/systems", system, "controls", control, "answer"), terms)
    door.tell(answer, f"{control} of {system}: {answer['status']}, until {answer['until']}")


@assess_group.command("report")
@click.argument("system")
@click.argument("assessment")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@door("security-administrator")
def assess_report(door: Door, system: str, assessment: str, file: Path) -> None:
    """Write the report of ASSESSMENT to FILE, as PDF."""
    report = door.fetch(target("/systems", system, "assessments", assessment, "report.pdf"))
    try:
        file.write_bytes(report)
    except OSError as failure:
        fail(f"cannot write `{file}`: {failure.strerror}", EXIT_USAGE)
    door.tell({"file": str(file)}, str(file))
