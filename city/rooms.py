"""The rooms that act: machines and zones, the catalogue, grades and assessments, backups."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from backup.work import Work
from catalogue.room import Catalogue, open_catalogue
from city.backups import backups
from city.deciding import Deciding
from city.infrastructure import infrastructure
from city.records import Records
from city.routing import Routing
from city.settings import Settings
from city.stores import Stores
from crypto.aead import Sealer
from crypto.platform import PlatformSeal
from gateway.label_at_door import label_at_door
from grading.assess import Assessments
from grading.control_answers import ControlAnswers
from grading.grades import Grades
from idp.directory import Directory
from infra.parts import Infrastructure


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Each over the same database; none knows another."""

    infra: Infrastructure
    catalogue: Catalogue
    grades: Grades
    assessments: Assessments
    answers: ControlAnswers
    backups: Work


def open_rooms(
    settings: Settings,
    stores: Stores,
    *,
    directory: Directory,
    seal: PlatformSeal,
    routing: Routing,
    deciding: Deciding,
    records: Records,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Rooms:
    """Put them together; nothing is started or changed by that."""
    database = stores.database
    return Rooms(
        infra=infrastructure(settings, database, directory, clock=clock, mint=mint),
        catalogue=_catalogue(stores, seal, routing, deciding, clock=clock, mint=mint),
        grades=Grades(database, epochs=stores.epochs, mint=mint),
        assessments=Assessments(database, mint=mint),
        answers=ControlAnswers(database, mint=mint),
        backups=backups(
            settings,
            database,
            records.log,
            seal,
            records.spool,
            grade=deciding.highest_grade,
            clock=clock,
            mint=mint,
        ),
    )


def _catalogue(
    stores: Stores,
    seal: Sealer,
    routing: Routing,
    deciding: Deciding,
    *,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Catalogue:
    label_of = partial(label_at_door, routing.everywhere, lambda: deciding.policies().facts)
    return open_catalogue(stores.database, stores.epochs, seal, label_of=label_of, clock=clock, mint=mint)
