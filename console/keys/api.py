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
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from audit.event import timestamp
from authz.lease import Receipt
from console.keys import acts
from console.shell.act import current_act
from console.shell.problem import refuse_with
from console.shell.views import ApiViews
from crypto.algorithms import SUITES
from crypto.errors import SealInvalid
from crypto.key_rows import Key, KeyUsage
from crypto.key_service import CONTEXT_BYTES, PLAINTEXT_BYTES, SEALED_BYTES, KeyOutput, KeyService
from crypto.keyring import PAGE_KEYS, Keyring

_KEYS = "/api/v1/departments/{department}/keys"
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
    usage = fields.String(required=True, validate=validate.OneOf([KeyUsage.ENCRYPT, KeyUsage.SIGN]))


class KeysQuery(Schema):
    """One page of keys."""

    cursor = fields.String(load_default="", validate=validate.Regexp(r"(?a:[a-z0-9-]{0,63})\Z"))


class SuiteChoice(Schema):
    """The suite of a department."""

    suite = fields.String(required=True, validate=validate.OneOf(list(SUITES)))


class PlaintextBody(Schema):
    """Something to be sealed, for one context alone."""

    plaintext = Base64(PLAINTEXT_BYTES, required=True)
    context = Base64(CONTEXT_BYTES, load_default=bytes)


class CiphertextBody(Schema):
    """Something sealed, and the context it was sealed for."""

    ciphertext = Base64(SEALED_BYTES, required=True)
    context = Base64(CONTEXT_BYTES, load_default=bytes)


class MessageBody(Schema):
    """Something to be signed."""

    message = Base64(PLAINTEXT_BYTES, required=True)


class SignatureBody(Schema):
    """Something signed, by which version."""

    message = Base64(PLAINTEXT_BYTES, required=True)
    signature = Base64(_SIGNATURE_BYTES, required=True)
    version = fields.Integer(required=True, validate=validate.Range(1, 2**31 - 1))


def keys(keyring: Keyring, service: KeyService, effective: Callable[[int], Receipt]) -> ApiViews:
    """The life of keys: what a security administrator does with them."""
    routes = ApiViews("keys-api", __name__, url_prefix=_KEYS)

    @routes.route("")
    class Keys(MethodView):
        @routes.arguments(KeysQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> dict[str, Any]:
            """One page of the department's own keys, by name."""
            page = keyring.keys(department, after=(department, query["cursor"]))
            after = page[-1].name if len(page) == PAGE_KEYS else None
            return {"items": [_key(key) for key in page], "next_cursor": after, "suite": keyring.suite(department).name}

        @routes.arguments(NewKey)
        def post(self, body: dict[str, str], department: str) -> tuple[dict[str, Any], int]:
            """Make a key of the department's suite."""
            key = acts.create_key(keyring, current_act(), department, body["name"], KeyUsage(body["usage"]))
            return _key(key), 201

    _one_key(routes, keyring, service, effective)
    return routes


def _one_key(routes: ApiViews, keyring: Keyring, service: KeyService, effective: Callable[[int], Receipt]) -> None:
    @routes.route("/{key}")
    class OneKey(MethodView):
        def get(self, department: str, key: str) -> dict[str, Any]:
            """A key, its versions, and the public keys of those that have one."""
            asked = keyring.key(department, key)
            public = service.public(department, key) if asked.usage is KeyUsage.SIGN else {}
            return _key(asked, public=public)

    @routes.route("/{key}/rotate")
    class Rotation(MethodView):
        def post(self, department: str, key: str) -> dict[str, Any]:
            """Make the next version the active one; answers when every gateway seals with it."""
            rotated, receipt = acts.rotate_key(keyring, current_act(), department, key, effective=effective)
            return _key(rotated) | {"receipt": asdict(receipt)}


def suite(keyring: Keyring) -> ApiViews:
    """What a department's next keys and versions are made of."""
    routes = ApiViews("key-suite-api", __name__, url_prefix="/api/v1/departments/{department}/key-suite")

    @routes.route("")
    class OneSuite(MethodView):
        def get(self, department: str) -> dict[str, Any]:
            """What holds there, chosen there or above."""
            return {"suite": keyring.suite(department).name}

        @routes.arguments(SuiteChoice)
        def put(self, body: dict[str, str], department: str) -> dict[str, Any]:
            """Choose; keys that are there change with their next version."""
            return {"suite": acts.choose_suite(keyring, current_act(), department, SUITES[body["suite"]]).name}

    return routes


def uses(service: KeyService) -> ApiViews:
    """The uses of keys: each decided and recorded."""
    routes = ApiViews("key-service", __name__, url_prefix=f"{_KEYS}/{{key}}")

    @routes.route("/encrypt")
    class Encrypt(MethodView):
        @routes.arguments(PlaintextBody)
        def post(self, body: dict[str, bytes], department: str, key: str) -> dict[str, Any]:
            """Seal for this context alone."""
            act = current_act()
            return _output(
                "ciphertext", acts.encrypt(service, act, department, key, body["plaintext"], context=body["context"])
            )

    @routes.route("/decrypt")
    class Decrypt(MethodView):
        @routes.arguments(CiphertextBody)
        def post(self, body: dict[str, bytes], department: str, key: str) -> Response | dict[str, Any]:
            """Open; whatever does not open is told the same."""
            act = current_act()
            try:
                output = acts.decrypt(service, act, department, key, body["ciphertext"], context=body["context"])
            except SealInvalid:
                return refuse_with("ciphertext-invalid")
            return _output("plaintext", output)

    @routes.route("/rewrap")
    class Rewrap(MethodView):
        @routes.arguments(CiphertextBody)
        def post(self, body: dict[str, bytes], department: str, key: str) -> Response | dict[str, Any]:
            """The same sealed by the active version; what is in it is not told."""
            act = current_act()
            try:
                output = acts.rewrap(service, act, department, key, body["ciphertext"], context=body["context"])
            except SealInvalid:
                return refuse_with("ciphertext-invalid")
            return _output("ciphertext", output)

    _signatures(routes, service)
    return routes


def _signatures(routes: ApiViews, service: KeyService) -> None:
    @routes.route("/sign")
    class Sign(MethodView):
        @routes.arguments(MessageBody)
        def post(self, body: dict[str, bytes], department: str, key: str) -> dict[str, Any]:
            """Sign; the version belongs to the signature."""
            return _output("signature", acts.sign(service, current_act(), department, key, body["message"]))

    @routes.route("/verify")
    class Verify(MethodView):
        @routes.arguments(SignatureBody)
        def post(self, body: dict[str, Any], department: str, key: str) -> dict[str, Any]:
            """Whether this version made the signature over this message."""
            signature, version = body["signature"], body["version"]
            valid = acts.verify(
                service, current_act(), department, key, body["message"], signature=signature, version=version
            )
            return {"valid": valid}


def _key(key: Key, *, public: Mapping[int, bytes] | None = None) -> dict[str, Any]:
    """Return a key as JSON; nothing in it is secret. `public`: version number → public key."""
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


def _output(name: str, output: KeyOutput) -> dict[str, Any]:
    value = base64.b64encode(output.value).decode()
    return {name: value, "version": output.version, "algorithm": output.algorithm}
