"""The door of one process: the values that `handle` works with."""

from audit.flood import Flood
from city.desks import open_desks
from city.identifiers import mint
from city.parts import City
from console.shell.frame import Frame
from console.shell.receipts import Receipts
from console.shell.render import Renderer
from crypto.local_keys import load
from crypto.sign import SigningKey
from gateway.allow import KeptRefusals, allow
from gateway.deliver import Deliveries
from gateway.local import Local
from gateway.pipeline import Gate
from gateway.proxy import Proxy
from gateway.refuse import Refusals, page_headers
from gateway.transform import Assertions


def open_gate(city: City, proxy: Proxy) -> tuple[Gate, KeptRefusals]:
    """The gate, and the refusals it keeps for the data plane's second question. Raises KeyFileUnsafe."""
    settings, deciding, clock, kept = city.settings, city.deciding, city.clock, KeptRefusals()
    frame = _frame(city)
    assertions = Assertions(
        SigningKey(load(settings.data / "keys/assertion.key")),
        pairwise=load(settings.data / "keys/pairwise.key"),
        roles=lambda subject, department: deciding.policies().roles_held(subject, department, clock()),
    )
    refusals = Refusals(
        spool=city.records.spool,
        flood=Flood(),
        parking=deciding.parking,
        render=frame.refusal,
        page_headers=frame.headers,
        keep=kept.keep,
        mint=mint,
        clock=clock,
    )
    local = Local(open_desks(city, frame, assertions))
    gate = Gate(
        routes=city.routing.table,
        credentials=city.credentials,
        buckets=city.strangers.buckets,
        decider=deciding.decider,
        spool=city.records.spool,
        assertions=assertions,
        deliveries=Deliveries(proxy=proxy, local=local, allow=allow, streams=deciding.streams),
        refusals=refusals,
        clock=clock,
        mint=mint,
    )
    return gate, kept


def _frame(city: City) -> Frame:
    settings, deciding = city.settings, city.deciding
    return Frame(
        renderer=Renderer(static_url="/.citygate/static"),
        origin=settings.origin("console"),
        headers=page_headers([settings.origin("login")]),  # signing out ends at the issuer
        receipts=Receipts(city.keys.seal),
        policies=deciding.policies,
        departments=city.people.directory.departments(),
        clock=city.clock,
    )
