"""What the clock-job does for keys: finish rotations, rotate by age, seal anew, count, retire, tell the day's uses."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from crypto import lifecycle
from crypto.envelope import version_id
from crypto.key_rows import Key, Usage
from crypto.keyring import Keyring
from crypto.lifecycle import State
from crypto.platform import CITY, FORMS, PLATFORM, PlatformSeal
from crypto.reseal import Place, references, reseal
from crypto.uses import Uses

_RUN_SECONDS = 10.0  # of sealing anew; the clock-job waits for 30
_AGEING = (Usage.ENCRYPT, Usage.PLATFORM)  # what wraps keys under random nonces
Told = dict[str, str | int]


class Upkeep:
    """Does what is due for keys, under the record of the clock-job's request.
    Called from threads, one at a time or several.
    """

    def __init__(
        self,
        keyring: Keyring,
        seal: PlatformSeal,
        places: Sequence[Place],
        *,
        uses: Uses,
        effective: Callable[[int], object],
        linger: timedelta,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        """`effective(epoch)` waits until every gateway decides by it; `linger` as in `lifecycle.may_retire`."""
        self._keyring, self._seal, self._places, self._uses = keyring, seal, places, uses
        self._effective, self._linger, self._clock, self._monotonic = effective, linger, clock, monotonic

    def run(self, record: str) -> Told:
        """Do what is due, of each kind the most pressing. Return what was done, at most 14 entries for the record."""
        self._uses.flush()
        told: Told = self._uses.tell(record)
        if key := next(iter([*self._keyring.unfinished(), *self._due()]), None):
            rotated, _, witness = self._keyring.rotate(key, record=record, effective=self._effective)
            told |= {"rotated": f"{key.department}/{key.name} {rotated.active.number}", **witness}
        return told | self._platform(record) | self._forms(record)

    def _due(self) -> list[Key]:
        after, due, now = ("", ""), list[Key](), self._clock()
        while page := self._keyring.keys(after=after):
            after = (page[-1].department, page[-1].name)
            sealing = [key for key in page if key.usage in _AGEING]
            sealed = self._uses.total(version_id(key.id, key.active.number) for key in sealing)
            for key in sealing:
                used = sealed.get(version_id(key.id, key.active.number), 0)
                if lifecycle.is_due(key.active, now=now, sealed=used) and not lifecycle.published(key.versions):
                    due.append(key)
            if due:
                break
        return due

    def _platform(self, record: str) -> Told:
        """Nothing to do while one version is all there is."""
        key = self._keyring.key(CITY, PLATFORM)
        old = [one.number for one in key.versions if one.state is State.DECRYPT_ONLY]
        if not old:
            return {}
        until = self._monotonic() + _RUN_SECONDS
        done = reseal(self._seal, self._places, more=lambda: self._monotonic() < until)
        left = references(self._seal, self._places)
        self._keyring.counted(key.id, {number: left[number] for number in old})
        told: Told = {"resealed": done.resealed, "references": sum(left[number] for number in old)}
        if done.unreadable:
            told["unreadable"] = done.unreadable
        return told | self._retired(PLATFORM, record)

    def _forms(self, record: str) -> Told:
        """Nothing is kept under this key: a form is checked by the active version alone."""
        key = self._keyring.key(CITY, FORMS)
        old = [one.number for one in key.versions if one.state is State.DECRYPT_ONLY]
        self._keyring.counted(key.id, dict.fromkeys(old, 0))
        return self._retired(FORMS, record)

    def _retired(self, name: str, record: str) -> Told:
        key, now = self._keyring.key(CITY, name), self._clock()
        over = [one for one in key.versions if lifecycle.may_retire(one, now=now, linger=self._linger)]
        if not over:
            return {}
        written = self._keyring.retire(key.id, over[0].number, record=record)
        return {f"retired {name}": over[0].number, **written.witness}
