"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable
from datetime import datetime

from authz.policy import PolicySet
from authz.register import Register
from console.machines import api
from console.machines.pages import MachinePages
from console.shell.desk import Desk
from console.shell.frame import Frame
from idp.directory import Directory
from infra.parts import Infrastructure


def open_desk(
    frame: Frame,
    infra: Infrastructure,
    *,
    directory: Directory,
    register: Register,
    policies: Callable[[], PolicySet],
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Desk:
    """Machines, quotas, and what they cost."""
    pages = MachinePages(
        frame, infra=infra, register=register, directory=directory, policies=policies, clock=clock, mint=mint
    )
    return Desk(
        pages=(pages.blueprint(),),
        api=(
            api.machines(infra.machines, directory),
            api.changes(infra.machines, directory),
            api.quotas(infra.quotas),
            api.usage(infra, directory, clock),
        ),
    )
