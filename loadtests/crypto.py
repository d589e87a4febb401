"""`bench crypto`: the platform's envelope beside bare calls of cryptography, SM4-GCM beside pyca's own, signatures."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from json import dumps
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from crypto.algorithms import AES_256_GCM, SIGNING, Sm4Gcm
from crypto.envelope import Kek
from crypto.platform import PlatformSeal, Ring
from crypto.uses import Uses
from loadtests.baselines import bare_envelope
from storage.database import Database

ROUNDS, ROUND_SECONDS = 7, 0.15
SIZES = {"1KB": 1024, "1MB": 1 << 20}
_KEY, _CONTEXT = "0" * 26, "session refresh token 01J"
Calls = Mapping[str, Callable[[], object]]


def platform() -> tuple[PlatformSeal, AESGCM]:
    """The platform's seal as a gateway holds it, and the same key by itself."""
    secret = os.urandom(32)
    kek = Kek(_KEY, 1, AES_256_GCM, secret)
    ring = Ring(_KEY, kek, {kek.header: kek}, None, os.urandom(32))
    uses = Uses(Database("sqlite://"), clock=lambda: datetime.now(UTC))  # counts in memory, as between two minutes
    return PlatformSeal(lambda: ring, uses=uses, monotonic=time.monotonic), AESGCM(secret)


def microseconds(calls: Calls) -> dict[str, float]:
    """Of one call each: the best of rounds that take turns, for what else runs here only makes calls slower."""
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            call()
            count, began = 0, time.perf_counter()
            while (spent := time.perf_counter() - began) < ROUND_SECONDS:
                call()
                count += 1
            rounds[name].append(spent / count * 1e6)
    return {name: min(seen) for name, seen in rounds.items()}


def envelopes(size: int) -> tuple[dict[str, float], int]:
    """Seal and open, ours and bare; and how many answers were wrong."""
    seal, kek = platform()
    plaintext, context = os.urandom(size), _CONTEXT.encode()
    ours, bare = seal.seal(plaintext, purpose=_CONTEXT), bare_envelope.seal(kek, plaintext, context)
    wrong = (seal.open(ours, purpose=_CONTEXT) != plaintext) + (bare_envelope.unseal(kek, bare, context) != plaintext)
    return microseconds({
        "seal": lambda: seal.seal(plaintext, purpose=_CONTEXT),
        "bare_seal": lambda: bare_envelope.seal(kek, plaintext, context),
        "open": lambda: seal.open(ours, purpose=_CONTEXT),
        "bare_open": lambda: bare_envelope.unseal(kek, bare, context),
    }), wrong  # fmt: skip


def sm4(size: int) -> tuple[dict[str, float], int]:
    """SM4-GCM by our registry and by pyca's calls; and whether the bytes differ."""
    key, nonce, plaintext, context = os.urandom(16), os.urandom(12), os.urandom(size), _CONTEXT.encode()
    ours, algorithm = Sm4Gcm(key), SM4(key)
    wrong = ours.encrypt(nonce, plaintext, context) != bare_envelope.sm4_seal(algorithm, nonce, plaintext, context)
    return microseconds({
        "seal": lambda: ours.encrypt(nonce, plaintext, context),
        "bare_seal": lambda: bare_envelope.sm4_seal(algorithm, nonce, plaintext, context),
    }), int(wrong)  # fmt: skip


def signatures() -> dict[str, dict[str, float]]:
    """Signing (with the trial of the key, for SM2) and checking 1 KB."""
    seen, message = {}, os.urandom(1024)
    for name, one in SIGNING.items():
        secret = one.generate()
        public, signature = one.public(secret), one.sign(secret, message)
        seen[name] = microseconds({
            "sign": lambda one=one, secret=secret: one.sign(secret, message),  # type: ignore[misc]
            "check": lambda one=one, public=public, signature=signature: one.check(public, signature, message),  # type: ignore[misc]
        })  # fmt: skip
    return seen


def measure() -> dict[str, Any]:
    """Everything the command prints."""
    envelope = {name: envelopes(size) for name, size in SIZES.items()}
    guomi = {name: sm4(size) for name, size in SIZES.items()}
    measured = {"envelope": envelope, "sm4_gcm": guomi}
    us = {name: {size: seen for size, (seen, _) in sizes.items()} for name, sizes in measured.items()}
    small, large = us["envelope"]["1KB"], us["envelope"]["1MB"]
    return {
        "us": {**us, "signatures_1KB": signatures()},
        "wrong": sum(wrong for _, wrong in (*envelope.values(), *guomi.values())),
        "ratios": {
            "envelope_seal_1KB_times_bare": small["seal"] / small["bare_seal"],
            "envelope_open_1KB_times_bare": small["open"] / small["bare_open"],
            "envelope_seal_1MB_of_bare": large["bare_seal"] / large["seal"],
            "envelope_open_1MB_of_bare": large["bare_open"] / large["open"],
            **{f"sm4_{name}_of_pyca": seen["bare_seal"] / seen["seal"] for name, seen in us["sm4_gcm"].items()},
        },
    }


def main(json: bool) -> int:
    """Print the figures; 1 if something did not open as what was sealed."""
    seen = measure()
    if json:
        print(dumps(seen, indent=2))
    else:
        for size, us in seen["us"]["envelope"].items():
            print(f"envelope {size}: seal {us['seal']:.1f} µs (bare {us['bare_seal']:.1f})", end=", ")
            print(f"open {us['open']:.1f} µs (bare {us['bare_open']:.1f})")
        for size, us in seen["us"]["sm4_gcm"].items():
            print(f"SM4-GCM {size}: {us['seal']:.1f} µs (pyca {us['bare_seal']:.1f})")
        for name, us in seen["us"]["signatures_1KB"].items():
            print(f"{name} 1KB: sign {us['sign']:.1f} µs, check {us['check']:.1f} µs")
        print(", ".join(f"{name} {ratio:.2f}" for name, ratio in seen["ratios"].items()))
    return 1 if seen["wrong"] else 0
