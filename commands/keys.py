"""`key`: make and rotate keys, and use the key service; what is secret comes in by stdin and goes out by stdout."""

import base64
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from commands.client import Door, door, target
from commands.output import EXIT_INTEGRITY, fail, receipt_line, table

_COLUMNS = ("department", "name", "usage", "version", "state", "algorithm", "age", "references")


@click.group("key")
def key_group() -> None:
    """Keys of departments, and the platform's own (in department `city`)."""


@key_group.command("list")
@click.argument("department", default="city")
@door("security-administrator")
def key_list(door: Door, department: str) -> None:
    """The keys of DEPARTMENT with their versions, and how much each old version still holds."""
    items, cursor = [], ""
    while True:
        answer = door.ask("GET", target("/api/v1/departments", department, "keys", cursor=cursor))
        items += answer["items"]
        if not (cursor := answer["next_cursor"] or ""):
            break
    door.tell(answer | {"items": items}, table([row for key in items for row in _versions(key)], _COLUMNS))


@key_group.command("create")
@click.argument("department")
@click.argument("name")
@click.option("--usage", type=click.Choice(["encrypt", "sign"]), default="encrypt", show_default=True)
@door("security-administrator")
def key_create(door: Door, department: str, name: str, usage: str) -> None:
    """Make a key of the department's suite."""
    answer = door.ask("POST", target("/api/v1/departments", department, "keys"), {"name": name, "usage": usage})
    door.tell(answer, f"made: {department}/{name}, {answer['versions'][0]['algorithm']}")


@key_group.command("rotate")
@click.argument("department")
@click.argument("name")
@door("security-administrator")
def key_rotate(door: Door, department: str, name: str) -> None:
    """Make the next version the active one; ends when every gateway seals with it."""
    answer = door.ask("POST", _key(department, name, "rotate"))
    door.tell(answer, f"rotated: {department}/{name}, version {answer['version']}, {receipt_line(answer['receipt'])}")


@key_group.command("suite")
@click.argument("department")
@click.argument("suite", type=click.Choice(["international", "guomi"]), required=False)
@door("security-administrator")
def key_suite(door: Door, department: str, suite: str | None) -> None:
    """What the next keys and versions of DEPARTMENT are made of; with SUITE, choose it."""
    path = target("/api/v1/departments", department, "key-suite")
    answer = door.ask("PUT", path, {"suite": suite}) if suite else door.ask("GET", path)
    door.tell(answer, answer["suite"])


@key_group.command("encrypt")
@click.argument("department")
@click.argument("name")
@click.option("--context", default="", help="It opens for the same context alone; not secret, not kept.")
@door("staff")
def key_encrypt(door: Door, department: str, name: str, context: str) -> None:
    """Seal stdin; base64 on stdout."""
    body = {"plaintext": _stdin(), "context": _base64(context.encode())}
    answer = door.ask("POST", _key(department, name, "encrypt"), body)
    door.tell(answer, answer["ciphertext"])


@key_group.command("decrypt")
@click.argument("department")
@click.argument("name")
@click.option("--context", default="")
@door("staff")
def key_decrypt(door: Door, department: str, name: str, context: str) -> None:
    """Open base64 from stdin; the bytes on stdout."""
    body = {
        "ciphertext": sys.stdin.buffer.read().decode(errors="replace").strip(),
        "context": _base64(context.encode()),
    }
    answer = door.ask("POST", _key(department, name, "decrypt"), body)
    if door.as_json:
        door.tell(answer, "")
    else:
        click.echo(base64.b64decode(answer["plaintext"]), nl=False)


@key_group.command("rewrap")
@click.argument("department")
@click.argument("name")
@click.option("--context", default="")
@door("staff")
def key_rewrap(door: Door, department: str, name: str, context: str) -> None:
    """Seal base64 from stdin anew by the newest version; it is not told what is in it."""
    body = {
        "ciphertext": sys.stdin.buffer.read().decode(errors="replace").strip(),
        "context": _base64(context.encode()),
    }
    answer = door.ask("POST", _key(department, name, "rewrap"), body)
    door.tell(answer, answer["ciphertext"])


@key_group.command("sign")
@click.argument("department")
@click.argument("name")
@door("staff")
def key_sign(door: Door, department: str, name: str) -> None:
    """Sign stdin; VERSION:BASE64 on stdout."""
    answer = door.ask("POST", _key(department, name, "sign"), {"message": _stdin()})
    door.tell(answer, f"{answer['version']}:{answer['signature']}")


@key_group.command("verify")
@click.argument("department")
@click.argument("name")
@click.option("--signature", required=True, help="VERSION:BASE64, as `sign` gave it.")
@door("staff")
def key_verify(door: Door, department: str, name: str, signature: str) -> None:
    """Check a signature over stdin; 6 if it does not verify."""
    version, _, value = signature.partition(":")
    body = {"message": _stdin(), "signature": value, "version": int(version) if version.isdecimal() else 0}
    answer = door.ask("POST", _key(department, name, "verify"), body)
    door.tell(answer, "valid" if answer["valid"] else "invalid")
    if not answer["valid"]:
        fail("the signature does not verify", EXIT_INTEGRITY)


def _key(department: str, name: str, act: str) -> str:
    return target("/api/v1/departments", department, "keys", name, act)


def _versions(key: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in reversed(key["versions"]):
        count = one["reference_count"]
        yield {
            **{name: key[name] for name in ("department", "name", "usage")},
            "version": one["number"],
            "state": one["state"],
            "algorithm": one["algorithm"],
            "age": f"since {(one['active_at'] or one['created_at'])[:10]}",
            "references": "-" if count is None else str(count),
        }


def _stdin() -> str:
    return _base64(sys.stdin.buffer.read())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
