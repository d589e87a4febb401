"""The simulated data plane: no packets, but the same compiled rules, kept in a file of its own and evaluated here.

The file is what is in force. Whoever edits it by hand has opened a rule, and `drift` names it.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from infra.data_plane import Deviation
from infra.errors import DataPlaneRefused, DataPlaneUnavailable, ZoneUnknown
from infra.nftables import Passage, RuleModel

_NOTHING = RuleModel(homes={}, passages={}, interfaces={})


class SimulatedPlane:
    """A DataPlane. Several processes may share the file: it is replaced whole."""

    name = "simulated"

    def __init__(self, path: Path) -> None:
        self._path = path

    def apply(self, model: RuleModel) -> None:
        """Replace the file: written and synced beside it first, so that it is the old one or the new one."""
        kept = {
            "digest": model.digest(),
            "homes": dict(model.homes),
            "interfaces": dict(model.interfaces),
            "passages": [[*passage, flow] for passage, flow in sorted(model.passages.items())],
        }
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with beside.open("w") as file:
                json.dump(kept, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as failure:
            beside.unlink(missing_ok=True)
            raise DataPlaneRefused(f"the simulated data plane cannot write: {failure.strerror}") from failure

    def digest(self) -> str:
        """What the file says it is."""
        return str(self._read().get("digest", ""))

    def test(self, from_zone: str, to_zone: str, protocol: str, port: int) -> bool:
        """By the file."""
        model = self._model()
        if from_zone not in model.interfaces or to_zone not in model.interfaces:
            raise ZoneUnknown
        return bool(model.allows(from_zone, to_zone, protocol, port))

    def drift(self, model: RuleModel) -> Sequence[Deviation]:
        """Element by element."""
        now = self._model()
        pairs = [("interfaces", now.interfaces, model.interfaces), ("homes", now.homes, model.homes)]
        deviations = [d for where, found, wanted in pairs for d in _differences(where, dict(found), dict(wanted))]
        passages = ({_words(p): flow for p, flow in one.passages.items()} for one in (now, model))
        return [*deviations, *_differences("flows", *passages)]

    def _model(self) -> RuleModel:
        kept = self._read()
        if not kept:
            return _NOTHING
        try:
            passages = {Passage(str(i), str(o), str(p), int(n)): str(flow) for i, o, p, n, flow in kept["passages"]}
            homes, interfaces = dict(kept["homes"]), dict(kept["interfaces"])
        except (KeyError, TypeError, ValueError, OverflowError) as failure:
            raise DataPlaneUnavailable("the simulated data plane's file cannot be read") from failure
        return RuleModel(homes=homes, passages=MappingProxyType(passages), interfaces=interfaces)

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as failure:
            raise DataPlaneUnavailable("the simulated data plane's file cannot be read") from failure
        if not isinstance(kept, dict):
            raise DataPlaneUnavailable("the simulated data plane's file cannot be read")
        return kept


def _words(passage: Passage) -> str:
    return " . ".join(map(str, passage))


def _differences(where: str, found: dict[str, str], wanted: dict[str, str]) -> list[Deviation]:
    return [
        Deviation(where=where, found=_said(key, found), wanted=_said(key, wanted))
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]


def _said(key: str, table: dict[str, str]) -> str:
    return f"{key} : {table[key]}" if key in table else ""
