"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable, Mapping
from datetime import datetime

from authz.lease import Receipt
from authz.policy import PolicySet
from authz.register import Register
from catalogue.errors import ResourceUnknown
from catalogue.room import Catalogue
from console.catalogue import api
from console.catalogue.acts import Sharing
from console.catalogue.app_pages import AppPages
from console.catalogue.pages import CataloguePages
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.shell.receipts import Receipts
from crypto.aead import Sealer
from gateway.routes import Route
from idp.directory import Directory


def open_desk(
    frame: Frame,
    catalogue: Catalogue,
    *,
    directory: Directory,
    register: Register,
    policies: Callable[[], PolicySet],
    portals: Mapping[str, Route],
    effective: Callable[[int], Receipt],
    seal: Sealer,
    clock: Callable[[], datetime],
) -> Desk:
    """Resources, apps and shares."""

    def resource(identifier: str, _lang: str) -> str:
        try:
            return catalogue.resources.find(identifier).name
        except ResourceUnknown:
            return ""

    sharing, receipts = Sharing(catalogue, policies=policies, effective=effective, clock=clock), Receipts(seal)
    pages = CataloguePages(
        frame, sharing=sharing, directory=directory, register=register, portals=portals, receipts=receipts
    )
    apps = AppPages(frame, sharing=sharing, directory=directory, receipts=receipts)
    return Desk(
        pages=(pages.blueprint(), apps.blueprint()),
        api=(api.resources(sharing), api.published(sharing), api.shares(sharing), api.apps(sharing)),
        names={"resources": resource, "apps": lambda identifier, _lang: catalogue.apps.name(identifier)},
    )
