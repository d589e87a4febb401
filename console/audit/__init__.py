"""The audit desk: search the log, prove a record, hold rows against their records."""
