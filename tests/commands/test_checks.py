"""What a command does not ask for, the city would have refused with the same words; and requests are signed alike."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError
from marshmallow.fields import AwareDateTime

from catalogue.description import clean_texts
from commands.checks import faults_of_flow, faults_of_machine, faults_of_share, faults_of_terms, moment
from commands.signing import AppRequest, authorization, content_digest
from console.catalogue.forms import wrong_with_share_request
from console.machines.forms import wrong_with_machine
from console.shell.terms import wrong_with_terms
from idp import app_key
from infra.zone import wrong_with_flow

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SLUGS = st.sampled_from(["core", "extranet", "a" * 63, "a" * 64, "Core", "-a", "a\n", "", "核"]) | st.text(max_size=5)
TEXTS = st.text(max_size=5) | st.integers(195, 205).map("字".__mul__) | st.sampled_from(
    [" ", "=1", " =1", "@", "a\u202eb", "a\n", "e\u0301" * 150, " " * 201 + "a", "\ud800", "\u0344" * 150]
)  # fmt: skip
PORTS = st.integers(-1, 70000).map(str) | st.sampled_from(["", "0443", "４４３", "443\n", "1e3", "999999"])
SIZES = st.integers(-1, 2) | st.integers(250, 260) | st.integers(4090, 4100) | st.integers(65530, 10**10)
ENDS = st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=370)).map(NOW.__add__) | st.sampled_from(
    [NOW, NOW + timedelta(days=366), NOW + timedelta(days=367), NOW + timedelta(days=367, microseconds=1)]
)  # fmt: skip


@given(SLUGS, SLUGS, st.sampled_from(["tcp", "udp", "icmp", "TCP", ""]), PORTS)
def test_a_flow_is_refused_here_as_the_city_would(from_zone: str, to_zone: str, protocol: str, port: str) -> None:
    way = {"from_zone": from_zone, "to_zone": to_zone, "protocol": protocol, "port": port}
    assert list(faults_of_flow(**way)) == list(wrong_with_flow(**way))


@given(TEXTS, ENDS)
def test_the_terms_of_a_flow_are_refused_here_as_the_city_would(reason: str, until: datetime | None) -> None:
    terms = {"reason": reason, "until": until, "now": NOW}
    assert list(faults_of_terms(**terms)) == list(wrong_with_terms(**terms))


@given(SLUGS, TEXTS, SIZES, SIZES, SIZES)
def test_a_machine_is_refused_here_as_the_city_would(name: str, purpose: str, cpu: int, memory: int, disk: int) -> None:
    size = {"cpu": cpu, "memory_gib": memory, "disk_gib": disk}
    ours, the_citys = (one(name=name, purpose=purpose, size=size) for one in (faults_of_machine, wrong_with_machine))
    assert list(ours) == list(the_citys)


@given(TEXTS, ENDS)
def test_a_share_is_refused_here_as_the_city_would(purpose: str, until: datetime | None) -> None:
    ours = list(faults_of_share(purpose=purpose, until=until, now=NOW))
    read = clean_texts({"purpose": purpose}, ("purpose",))["purpose"]
    assert ours == wrong_with_share_request(purpose=read, until=until, now=NOW)


@given(st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat) | st.text(max_size=20))
@example("2027-01-31")
@example("2027-01-31T23:59:59Z")
@example("20270131T235959+0800")
def test_a_moment_is_read_as_the_api_reads_it(text: str) -> None:
    try:
        read = AwareDateTime().deserialize(text)
    except ValidationError:
        read = None
    assert moment(text) == read


WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(st.binary(max_size=40), WORDS, WORDS, st.integers(10**9, 10**10 - 1), st.binary(max_size=40))
def test_a_request_is_signed_as_the_door_verifies_it(
    body: bytes, host: str, target: str, time: int, secret: bytes
) -> None:
    key, nonce, digest = "01M81QNQCEA92J2MD2D6P088W3", "n" * 22, content_digest(body)
    request = {"method": "PUT", "host": host, "target": target, "content_type": "text/plain", "digest": digest}
    claim = app_key.parse(authorization(AppRequest(**request), key=key, secret=secret, time=time, nonce=nonce))
    assert (claim.key, claim.time, claim.nonce) == (key, time, nonce)
    assert claim.signature == app_key.signature_of(secret, claim, app_key.SignedParts(**request))
    assert app_key.is_digest(digest)
