"""The rooms' desks and their API; each room joins the application as one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

from backup.work import Work
from catalogue.errors import ResourceUnknown
from catalogue.room import Catalogue
from console.backups import api as backup_api
from console.backups import pages as backup
from console.catalogue import api as catalogue_api
from console.catalogue import app_pages as apps
from console.catalogue import pages as catalogue
from console.catalogue.acts import Sharing
from console.keys import api as keys_api
from console.keys import pages as keys
from console.machines import api as machines_api
from console.machines import pages as machines
from console.parts import Parts
from console.requests.names import Named, among
from console.shell.receipts import Told
from console.systems import api as grading_api
from console.systems import control_pages as controls
from console.systems import pages as grading
from console.zones import api as zones_api
from console.zones import pages as zones
from crypto.key_service import KeyService
from crypto.keyring import Keyring
from grading.assess import Assessments
from grading.control_answers import ControlAnswers
from grading.evidence import Facts
from grading.grades import Grades
from infra.parts import Infrastructure


@dataclass(frozen=True, slots=True)
class Room:
    """What one room shows, as pages and as API; `named`: what the ids in the addresses of its requests are called."""

    pages: tuple[Blueprint, ...]
    api: tuple[ApiBlueprint, ...]
    named: Mapping[str, Named] = field(default_factory=dict)


Opened = Callable[[Parts], Room]


def of_infra(infra: Infrastructure) -> Opened:
    """Machines and zones."""

    def opened(parts: Parts) -> Room:
        placing = machines.Desk(
            parts.frame,
            infra=infra,
            register=parts.register,
            directory=parts.directory,
            policies=parts.policies,
            clock=parts.clock,
            mint=parts.mint,
        )
        between = zones.ZonePages(
            parts.frame,
            infra.zones,
            infra.machines,
            directory=parts.directory,
            register=parts.register,
            clock=parts.clock,
        )
        return Room(
            (between.blueprint(), placing.blueprint()),
            (
                zones_api.zones(infra.zones),
                zones_api.flows(infra.zones),
                zones_api.one_flow(infra.zones, parts.directory, parts.clock),
                machines_api.machines(infra.machines, parts.directory),
                machines_api.changes(infra.machines, parts.directory),
                machines_api.quotas(infra),
                machines_api.usage(infra, parts.directory, parts.clock),
            ),
            dict.fromkeys(("zones", "flows"), among(infra.zones.all)),
        )

    return opened


def of_catalogue(shared: Catalogue) -> Opened:
    """Resources, apps and shares."""

    def resource(one: str, _lang: str) -> str:
        try:
            return shared.resources.find(one).name
        except ResourceUnknown:
            return ""

    def opened(parts: Parts) -> Room:
        sharing = Sharing(shared, policies=parts.policies, effective=parts.effective, clock=parts.clock)
        told, directory = Told(parts.seal), parts.directory
        desk = catalogue.Desk(
            parts.frame,
            sharing=sharing,
            directory=directory,
            register=parts.register,
            portals=parts.portals,
            told=told,
        )
        own = apps.Desk(parts.frame, sharing=sharing, directory=directory, told=told)
        room = (catalogue_api.resources, catalogue_api.published, catalogue_api.shares, catalogue_api.apps)
        pages, api = (desk.blueprint(), own.blueprint()), tuple(one(sharing) for one in room)
        return Room(pages, api, {"resources": resource, "apps": lambda one, _lang: shared.apps.name(one)})

    return opened


def of_grading(
    grades: Grades, assessments: Assessments, answers: ControlAnswers, facts: Callable[[str, str], Facts]
) -> Opened:
    """Grades and self-assessments; `facts(system, record)` is what may be looked at now."""

    def opened(parts: Parts) -> Room:
        told = Told(parts.seal)
        desk = grading.Desk(
            parts.frame,
            register=parts.register,
            directory=parts.directory,
            grades=grades,
            assessments=assessments,
            answers=answers,
            clock=parts.clock,
            facts=facts,
            effective=parts.effective,
            receipts=told,
        )
        asked = controls.Desk(
            parts.frame,
            register=parts.register,
            directory=parts.directory,
            answers=answers,
            told=told,
            clock=parts.clock,
        )
        api = (
            grading_api.systems(parts.register, grades, parts.effective),
            grading_api.answers(answers, parts.clock),
            grading_api.assessments(assessments, facts),
        )
        return Room((desk.blueprint(), asked.blueprint()), api)

    return opened


def of_backups(work: Work) -> Opened:
    """Backups, and drills that prove them."""

    def opened(parts: Parts) -> Room:
        desk = backup.Desk(parts.frame, work, clock=parts.clock)
        return Room((desk.blueprint(),), (backup_api.backups(work), backup_api.drills(work)))

    return opened


def of_keys(keyring: Keyring, service: KeyService) -> Opened:
    """Keys and what they are used for."""

    def opened(parts: Parts) -> Room:
        desk = keys.Desk(
            parts.frame,
            keyring=keyring,
            directory=parts.directory,
            effective=parts.effective,
            seal=parts.seal,
            clock=parts.clock,
        )
        api = keys_api.keys(keyring, service, parts.effective)
        all_of = (api, keys_api.suite(keyring), keys_api.service(service))
        return Room((desk.blueprint(),), all_of, {"keys": lambda one, _lang: one})

    return opened
