"""Our own copies of files: in a folder, or in a bucket (S3, Google, Azure)."""

from bot.adapters.media_store.store import CHUNK_BYTES, MediaStore

__all__ = ["CHUNK_BYTES", "MediaStore"]
