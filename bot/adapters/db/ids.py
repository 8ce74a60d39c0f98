"""Ids of our own: sortable by time, told apart by their prefix."""

from uuid_utils import uuid7


def new_id(prefix: str) -> str:
    """`<prefix>_<32 hex digits>`."""
    return f"{prefix}_{uuid7().hex}"
