"""What is said of backups and drills."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "backup": "Backup",
    "drill": "Restore drill",
    "restore-never": "never",
    "restore-valid": "valid",
    "restore-expired": "expired",
    "work-running": "Under way",
    "work-whole": "Kept, not yet proven",
    "work-passed": "Passed",
    "work-failed": "Failed",
    "target-met": "within the target",
    "target-missed": "beyond the target",
    "preparation": "preparing",
    "clearing": "removing what was restored",
    "manifest": "finding the newest backup",
    "keys": "comparing the keys",
    "restore": "restoring",
    "log": "the audit log",
    "canary": "opening the canary",
    "database": "asking the database",
    "rpo": "RPO",
    "rto": "RTO",
    "configuration": "the configuration",
    "retention": "letting go of old backups",
}
