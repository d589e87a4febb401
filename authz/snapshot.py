"""From the changes of an epoch to the Snapshot a gateway decides by next."""

from collections.abc import Callable, Iterable

from authz.lease import Snapshot
from authz.register import Register
from storage.epoch import EpochAnswer

REVOKED_SECONDS = 660.0  # longer than a gateway uses a session it looked up before, in a grace too (600 s)


class Snapshots:
    """Makes snapshots out of the register. Called in one thread at a time."""

    def __init__(
        self,
        register: Register,
        *,
        monotonic: Callable[[], float],
        report_ended: Callable[[Iterable[str], int], None],
        list_ended_within: Callable[[float], Iterable[str]],
    ) -> None:
        """`report_ended` is called with the sessions and subjects that changed with an epoch, to end their streams.

        `list_ended_within` names the sessions that were ended in the last so many seconds, for when the changes do not.
        """
        self._register, self._monotonic, self._report_ended = register, monotonic, report_ended
        self._list_ended_within = list_ended_within
        self._ended_at: dict[str, float] = {}

    def first(self, epoch: int) -> Snapshot:
        """Return the snapshot a process begins with: everything, as it is now. `epoch` was read before.
        Raises PolicyInvalid.
        """
        return Snapshot(epoch=epoch, policies=self._register.policies(version=epoch))

    def load(self, held: Snapshot, answer: EpochAnswer) -> Snapshot:
        """Return the snapshot of the answer's epoch, or a later one. Only what changed since `held` is read. Raises
        PolicyInvalid; `held` then stays in force.
        """
        changes = answer.changes
        subjects = sorted({change.key for change in changes or () if change.kind == "subject"})
        if changes is None or any(change.kind == "policy" for change in changes):
            policies = self._register.policies(version=answer.epoch)
        else:
            policies = self._register.with_subjects(held.policies, subjects, version=answer.epoch)
        now = self._monotonic()
        if changes is None:
            over, subjects = list(self._list_ended_within(REVOKED_SECONDS)), list(held.policies.subjects())
        else:
            over = [change.key for change in changes if change.kind == "session"]
        self._ended_at.update(dict.fromkeys(over, now))
        self._ended_at = {key: at for key, at in self._ended_at.items() if now - at < REVOKED_SECONDS}
        self._report_ended((*over, *subjects), answer.epoch)
        return Snapshot(epoch=answer.epoch, policies=policies, revoked=frozenset(self._ended_at))
