"""Commands of the issuer: how it differs from what the city wants, and bringing it there."""

import click

from commands.client import Door, door
from commands.output import table


@click.group("idp")
def idp_group() -> None:
    """The issuer as the city wants it: who may come back where, how sign-ins are proven, what is kept of them."""


@idp_group.command("diff")
@door("system-administrator")
def idp_diff(door: Door) -> None:
    """What is other at the issuer than it should be; a secret is named, never shown."""
    answer = door.ask("GET", "/api/v1/issuer/drift")
    door.tell(answer, table(answer["items"], ("what", "path", "found", "wanted")))


@idp_group.command("apply")
@door("system-administrator")
def idp_apply(door: Door) -> None:
    """Bring the issuer to what it should be; what was right already is not touched."""
    answer = door.ask("POST", "/api/v1/issuer/apply")
    door.tell(answer, table(answer["items"], ("what", "path", "found", "wanted")))
