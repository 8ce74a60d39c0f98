"""A bucket of a storage service; what is put there is whole and durable once the service says so.

No options for the HTTP client are given here: they would replace all that the environment says
of it, `AWS_ALLOW_HTTP` for one.
"""

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from bot.errors import Fault, SettingsError

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig  # not there at run time

_PARTS_AT_ONCE = 2
"""Of 5 MB each, and each within the client's time-out of 30 s."""

_RETRY: "RetryConfig" = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
"""Few: whoever calls tries again later anyway."""


class Bucket:
    """Raises SettingsError when the URL, or what the environment says of it, can't be used."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        # A URL may hold what belongs into the environment.
        self.name = f"the media store {scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
        self._store = _open(scheme, url)

    async def opened(self) -> "ObjectStore":
        """For reading."""
        return self._store

    async def write(self, name: str, source: Path | bytes) -> None:
        """Atomic; a large file goes up in parts."""
        await obstore.put_async(self._store, name, source, max_concurrency=_PARTS_AT_ONCE)

    async def remove(self, name: str) -> None:
        """It need not have been there."""
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name)

    async def tidy(self) -> None:
        """Nothing: uploads that were given up are for the bucket's own rules."""

    def remedy(self, error: Exception) -> str:
        """What is wrong and what to do about it; nothing of what the service wrote."""
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return "it refuses us: check the credentials; they must list, read, write and delete"
        if isinstance(error, FileNotFoundError):
            return "there is no such bucket: check media.store"
        status = re.search(r"status code: (\d{3})", str(error))
        if status is not None:
            return f"it answered {status[1]}: if that lasts, check media.store and its endpoint"
        if "redirect without LOCATION" in str(error):
            return "the bucket is in another region: set AWS_REGION"
        return (
            "it can't be reached: check the network, media.store, and endpoint and credentials "
            "in the environment (plain http needs AWS_ALLOW_HTTP=true)"
        )


def is_no_bucket(error: FileNotFoundError) -> bool:
    """Whether the whole bucket is missing, and not one file in it."""
    return re.search("NoSuchBucket|ContainerNotFound|bucket does not exist", str(error)) is not None


def _open(scheme: str, url: str) -> "ObjectStore":
    try:
        match scheme:
            case "s3":
                # One by one: not every service that speaks S3 knows the call for many.
                return S3Store.from_url(url, retry_config=_RETRY, disable_bulk_delete=True)
            case "gs":
                return GCSStore.from_url(url, retry_config=_RETRY)
            case "az":
                return AzureStore.from_url(url, retry_config=_RETRY)
            case _:
                raise _fault("unknown kind of store: write s3://…, gs://… or az://…, or nothing")
    except (BaseError, OSError, ValueError):
        raise _fault(
            "no bucket, or its environment is incomplete: write s3://bucket/prefix, gs://… or "
            "az://…, and set AWS_…, GOOGLE_… or AZURE_…"
        ) from None


def _fault(text: str) -> SettingsError:
    return SettingsError((Fault(text, "media.store"),))
