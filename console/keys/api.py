"""`/api/v1/departments/{department}/keys`: make and rotate keys; the key service (密码服务), like Vault's transit.

No plaintext, ciphertext, message or context stands in a record: only which key, which version, how many bytes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from audit.event import timestamp
from authz.lease import Receipt
from console.shell.act import check_csrf
from console.shell.problem import problem
from crypto.algorithms import SUITES
from crypto.errors import SealInvalid, SignatureInvalid
from crypto.key_rows import Key, Usage
from crypto.key_service import CONTEXT_BYTES, PLAINTEXT_BYTES, SEALED_BYTES, KeyService, Made
from crypto.keyring import PAGE_KEYS, Keyring
from gateway.local import exchange

_KEYS = "/api/v1/departments/<department>/keys"
_NAME = validate.Regexp(r"(?a:[a-z][a-z0-9-]{0,62})\Z")
_SIGNATURE_BYTES = 128


class Base64(fields.Field):  # type: ignore[type-arg]
    """Bytes, at most so many, in RFC 4648 §4's alphabet with its padding and nothing else."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(**options)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bytes:  # noqa: ARG002 - theirs
        try:
            decoded = base64.b64decode(value, validate=True) if isinstance(value, str) else None
        except (binascii.Error, ValueError):
            decoded = None
        if decoded is None or len(decoded) > self._most:
            raise ValidationError("base64")
        return decoded


class NewKey(Schema):
    """A key to be made; the platform's own kinds are not to be had."""

    name = fields.String(required=True, validate=_NAME)
    usage = fields.String(required=True, validate=validate.OneOf([Usage.ENCRYPT, Usage.SIGN]))


class KeysQuery(Schema):
    """One page of keys."""

    cursor = fields.String(load_default="", validate=validate.Regexp(r"(?a:[a-z0-9-]{0,63})\Z"))


class Chosen(Schema):
    """The suite of a department."""

    suite = fields.String(required=True, validate=validate.OneOf(list(SUITES)))


class Plain(Schema):
    """Something to be sealed, for one context alone."""

    plaintext = Base64(PLAINTEXT_BYTES, required=True)
    context = Base64(CONTEXT_BYTES, load_default=bytes)


class Sealed(Schema):
    """Something sealed, and the context it was sealed for."""

    ciphertext = Base64(SEALED_BYTES, required=True)
    context = Base64(CONTEXT_BYTES, load_default=bytes)


class Message(Schema):
    """Something to be signed."""

    message = Base64(PLAINTEXT_BYTES, required=True)


class Signed(Schema):
    """Something signed, by which version."""

    message = Base64(PLAINTEXT_BYTES, required=True)
    signature = Base64(_SIGNATURE_BYTES, required=True)
    version = fields.Integer(required=True, validate=validate.Range(1, 2**31 - 1))


def keys(keyring: Keyring, service: KeyService, effective: Callable[[int], Receipt]) -> Blueprint:
    """The life of keys: what a security administrator does with them."""
    routes = Blueprint("keys-api", __name__, url_prefix=_KEYS)

    @routes.route("")
    class Keys(MethodView):
        @routes.arguments(KeysQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> dict[str, Any]:
            """One page of the department's own keys, by name."""
            page = keyring.keys(department, after=(department, query["cursor"]))
            after = page[-1].name if len(page) == PAGE_KEYS else None
            return {"items": [told(key) for key in page], "next_cursor": after, "suite": keyring.suite(department).name}

        @routes.arguments(NewKey)
        def post(self, body: dict[str, str], department: str) -> tuple[dict[str, Any], int]:
            """Make a key of the department's suite."""
            check_csrf()
            talk = exchange()
            actor, record = talk.recorded.identity.subject, talk.recorded.inbound.id
            made, written = keyring.create(department, body["name"], Usage(body["usage"]), actor=actor, record=record)
            talk.recorded.notes.update(
                {
                    "key": made.id,
                    "usage": made.usage,
                    "algorithm": made.active.algorithm,
                    **written.witness,
                }
            )
            return told(made), 201

    _one_key(routes, keyring, service, effective)
    return routes


def _one_key(routes: Blueprint, keyring: Keyring, service: KeyService, effective: Callable[[int], Receipt]) -> None:
    @routes.route("/<key>")
    class OneKey(MethodView):
        def get(self, department: str, key: str) -> dict[str, Any]:
            """A key, its versions, and the public keys of those that have one."""
            found = keyring.key(department, key)
            public = service.public(department, key) if found.usage is Usage.SIGN else {}
            return told(found, public=public)

    @routes.route("/<key>/rotate")
    class Rotation(MethodView):
        def post(self, department: str, key: str) -> dict[str, Any]:
            """Make the next version the active one; answers when every gateway seals with it."""
            check_csrf()
            rotated, receipt = rotate(keyring, department, key, effective)
            return told(rotated) | {"receipt": asdict(receipt)}


def suite(keyring: Keyring) -> Blueprint:
    """What a department's next keys and versions are made of."""
    routes = Blueprint("key-suite-api", __name__, url_prefix="/api/v1/departments/<department>/key-suite")

    @routes.route("")
    class OneSuite(MethodView):
        def get(self, department: str) -> dict[str, Any]:
            """What holds there, chosen there or above."""
            return {"suite": keyring.suite(department).name}

        @routes.arguments(Chosen)
        def put(self, body: dict[str, str], department: str) -> dict[str, Any]:
            """Choose; keys that are there change with their next version."""
            check_csrf()
            talk = exchange()
            witness = keyring.choose(department, SUITES[body["suite"]], record=talk.recorded.inbound.id)
            talk.recorded.notes.update({"suite": body["suite"], **witness})
            return {"suite": keyring.suite(department).name}

    return routes


def service(uses: KeyService) -> Blueprint:
    """The uses of keys: each decided and recorded."""
    routes = Blueprint("key-service", __name__, url_prefix=f"{_KEYS}/<key>")

    @routes.route("/encrypt")
    class Encrypt(MethodView):
        @routes.arguments(Plain)
        def post(self, body: dict[str, bytes], department: str, key: str) -> dict[str, Any]:
            """Seal for this context alone."""
            check_csrf()
            made = uses.encrypt(department, key, body["plaintext"], context=body["context"])
            return _used(made, len(body["plaintext"]), "ciphertext")

    @routes.route("/decrypt")
    class Decrypt(MethodView):
        @routes.arguments(Sealed)
        def post(self, body: dict[str, bytes], department: str, key: str) -> Response | dict[str, Any]:
            """Open; whatever does not open is told the same."""
            check_csrf()
            try:
                made = uses.decrypt(department, key, body["ciphertext"], context=body["context"])
            except SealInvalid:
                return problem(422, "ciphertext-invalid")
            return _used(made, len(made.value), "plaintext")

    @routes.route("/rewrap")
    class Rewrap(MethodView):
        @routes.arguments(Sealed)
        def post(self, body: dict[str, bytes], department: str, key: str) -> Response | dict[str, Any]:
            """The same sealed by the active version; what is in it is not told."""
            check_csrf()
            try:
                made = uses.rewrap(department, key, body["ciphertext"], context=body["context"])
            except SealInvalid:
                return problem(422, "ciphertext-invalid")
            return _used(made, len(body["ciphertext"]), "ciphertext")

    _signatures(routes, uses)
    return routes


def _signatures(routes: Blueprint, uses: KeyService) -> None:
    @routes.route("/sign")
    class Sign(MethodView):
        @routes.arguments(Message)
        def post(self, body: dict[str, bytes], department: str, key: str) -> dict[str, Any]:
            """Sign; the version belongs to the signature."""
            check_csrf()
            made = uses.sign(department, key, body["message"])
            return _used(made, len(body["message"]), "signature")

    @routes.route("/verify")
    class Verify(MethodView):
        @routes.arguments(Signed)
        def post(self, body: dict[str, Any], department: str, key: str) -> dict[str, Any]:
            """Whether this version made the signature over this message."""
            check_csrf()
            valid = True
            try:
                uses.verify(department, key, body["message"], body["signature"], version=body["version"])
            except SignatureInvalid:
                valid = False
            exchange().recorded.notes.update(version=body["version"], valid=str(valid).lower())
            return {"valid": valid}


def rotate(keyring: Keyring, department: str, name: str, effective: Callable[[int], Receipt]) -> tuple[Key, Receipt]:
    """Rotate in the name of who asked, by the page and the API alike. Raises KeyUnknown."""
    talk = exchange()
    rotated, receipt, witness = keyring.rotate(
        keyring.key(department, name), record=talk.recorded.inbound.id, effective=effective
    )
    talk.recorded.notes.update(
        {"key": rotated.id, "version": rotated.active.number, "algorithm": rotated.active.algorithm}
    )
    talk.recorded.notes.update({"approver": talk.recorded.inbound.approver, **witness})
    return rotated, receipt


def told(key: Key, *, public: Mapping[int, bytes] | None = None) -> dict[str, Any]:
    """A key as JSON; nothing in it is secret."""
    versions = []
    for one in key.versions:
        version = {name: value for name, value in asdict(one).items() if not name.endswith("_at")}
        moments = ("created_at", "active_at", "closed_at", "retired_at", "counted_at")
        version |= {name: timestamp(at) if (at := getattr(one, name)) else None for name in moments}
        if public and one.number in public:
            version["public_key"] = base64.b64encode(public[one.number]).decode()
        versions.append(version)
    names = ("id", "department", "name", "usage", "created_by", "record")
    created = {"created_at": timestamp(key.created_at), "version": key.active.number}
    return {name: getattr(key, name) for name in names} | created | {"versions": versions}


def _used(made: Made, size: int, name: str) -> dict[str, Any]:
    exchange().recorded.notes.update(version=made.version, size=size)
    value = base64.b64encode(made.value).decode()
    return {name: value, "version": made.version, "algorithm": made.algorithm}
