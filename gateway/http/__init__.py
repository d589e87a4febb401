"""Bytes in, bytes out: what turns bytes into `Raw` and `Outbound` into bytes."""
