"""What can go wrong with the record of events.

AuditError
├── AuditUnavailable    the spool cannot take a record: blocked, full, closed, or a write or fsync failed
├── RecordMalformed     bytes that are no record or event of ours
├── ProofInvalid        a path does not lead to the root it was checked against
├── CheckpointInvalid   a checkpoint is missing, malformed, signed by another, or older than it must be
├── LogUnreadable       tiles or entries that the checkpoint covers are missing or too short
├── SpoolBroken         a spool does not continue what the log already holds of it
└── SequencerRunning    another process holds the log's lock
"""


class AuditError(Exception):
    """Base of everything this package raises."""

    code = "audit"


class AuditUnavailable(AuditError):
    """No record can be written now, so nothing may be answered (fail closed)."""

    code = "audit-unavailable"


class RecordMalformed(AuditError):
    """The bytes are not exactly what this package writes."""

    code = "record-malformed"


class ProofInvalid(AuditError):
    """An inclusion proof does not hold."""

    code = "proof-invalid"


class CheckpointInvalid(AuditError):
    """The signed statement about the log cannot be believed."""

    code = "checkpoint-invalid"


class LogUnreadable(AuditError):
    """The log lacks bytes that its checkpoint says it has."""

    code = "log-unreadable"


class SpoolBroken(AuditError):
    """Records of a spool are missing, or were given twice, between the log and the spool's files."""

    code = "spool-broken"


class SequencerRunning(AuditError):
    """Only one sequencer may write a log."""

    code = "sequencer-running"
