"""What the clock-job does for keys: finish rotations, rotate by age, seal anew, count, retire, note the day's uses."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from crypto import lifecycle
from crypto.envelope import version_id
from crypto.key_rows import Key, KeyUsage
from crypto.keyring import Keyring
from crypto.lifecycle import State
from crypto.platform import CITY, FORMS, PLATFORM, PlatformSeal
from crypto.reseal import SealedPlace, references, reseal
from crypto.uses import Uses
from storage.act import Act

_RUN_SECONDS = 10.0  # of sealing anew; the clock-job waits for 30
_AGEING = (KeyUsage.ENCRYPT, KeyUsage.PLATFORM)  # what wraps keys under random nonces


class Upkeep:
    """Does what is due as the act of the clock-job. Called from threads, one at a time or several."""

    def __init__(
        self,
        keyring: Keyring,
        seal: PlatformSeal,
        places: Sequence[SealedPlace],
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

    def run(self, act: Act) -> int:
        """Do what is due, of each kind the most pressing, and return how many things were done.

        Each is noted once it is done, at most 14 words in all, so what stands before a failure is recorded, too.
        """
        self._uses.flush()
        done = self._uses.note_past_days(act) + self._rotate(act)
        return done + self._reseal(act) + self._count_forms(act)

    def _rotate(self, act: Act) -> int:
        key = next(iter([*self._keyring.unfinished_rotations(), *self._due()]), None)
        if key is None:
            return 0
        rotated, _ = self._keyring.rotate(key, act, effective=self._effective)
        act.note({"rotated": f"{key.department}/{key.name} {rotated.active.number}"})
        return 1

    def _due(self) -> list[Key]:
        after, due, now = ("", ""), list[Key](), self._clock()
        while page := self._keyring.keys(after=after):
            after = (page[-1].department, page[-1].name)
            sealing = [key for key in page if key.usage in _AGEING]
            sealed = self._uses.total(version_id(key.id, key.active.number) for key in sealing)
            for key in sealing:
                used = sealed.get(version_id(key.id, key.active.number), 0)
                if lifecycle.is_due(key.active, now=now, sealed=used) and not lifecycle.published_version(key.versions):
                    due.append(key)
            if due:
                break
        return due

    def _reseal(self, act: Act) -> int:
        """Seal anew what the platform sealed by an older version; nothing to do while one version is all there is."""
        key = self._keyring.key(CITY, PLATFORM)
        old = [one.number for one in key.versions if one.state is State.DECRYPT_ONLY]
        if not old:
            return 0
        until = self._monotonic() + _RUN_SECONDS
        done = reseal(self._seal, self._places, more=lambda: self._monotonic() < until)
        left = references(self._seal, self._places)
        self._keyring.note_references(key.id, {number: left[number] for number in old})
        act.note({"resealed": done.resealed, "references": sum(left[number] for number in old)})
        if done.unreadable:
            act.note({"unreadable": done.unreadable})
        return done.resealed + self._retire(PLATFORM, act)

    def _count_forms(self, act: Act) -> int:
        """Nothing is kept under this key: a form is checked by the active version alone."""
        key = self._keyring.key(CITY, FORMS)
        old = [one.number for one in key.versions if one.state is State.DECRYPT_ONLY]
        self._keyring.note_references(key.id, dict.fromkeys(old, 0))
        return self._retire(FORMS, act)

    def _retire(self, name: str, act: Act) -> int:
        """Retire the oldest version of this key that nothing needs any more."""
        key, now = self._keyring.key(CITY, name), self._clock()
        unneeded = [one for one in key.versions if lifecycle.may_retire(one, now=now, linger=self._linger)]
        if not unneeded:
            return 0
        self._keyring.retire(key.id, unneeded[0].number, act)
        act.note({f"retired {name}": unneeded[0].number})
        return 1
