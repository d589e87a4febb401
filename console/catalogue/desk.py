"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable, Mapping
from datetime import datetime

from authz.policy import PolicySet
from authz.register import Register
from catalogue.errors import ResourceUnknown
from catalogue.room import Catalogue
from console.catalogue.acts import Effective
from console.catalogue.api import catalogue_api, resources_api, shares_api
from console.catalogue.app_api import app_shares_api, apps_api
from console.catalogue.app_pages import AppPages
from console.catalogue.pages import CataloguePages
from console.catalogue.rights import ReaderRights
from console.shell.desk import Desk
from console.shell.frame import Frame
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
    effective: Effective,
    clock: Callable[[], datetime],
) -> Desk:
    """Resources, apps and shares."""
    resources, apps, shares = catalogue.resources, catalogue.apps, catalogue.shares

    def resource_name(identifier: str, _lang: str) -> str:
        try:
            return resources.find(identifier).name
        except ResourceUnknown:
            return ""

    rights = ReaderRights(policies, clock)
    pages = CataloguePages(
        frame, catalogue, rights,
        directory=directory, register=register, portals=portals, effective=effective, clock=clock,
    )  # fmt: skip
    app_pages = AppPages(frame, apps=apps, shares=shares, directory=directory, effective=effective)
    return Desk(
        pages=(pages.blueprint(), app_pages.blueprint()),
        api=(
            catalogue_api(resources, shares),
            resources_api(resources, effective, clock),
            shares_api(shares, speaks_for=rights.speaks_for, effective=effective, clock=clock),
            apps_api(apps, shares, effective),
            app_shares_api(shares, effective),
        ),
        names={"resources": resource_name, "apps": lambda identifier, _lang: apps.name_of(identifier)},
    )
