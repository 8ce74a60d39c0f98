"""Where a call comes from: through a proxy, from one of our own pages, or from somebody else's."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip"})


def is_forwarded(headers: Headers) -> bool:
    """Whether a proxy has passed the call on, so that its address is not the caller's."""
    return any(name in _OF_PROXIES or name.startswith("x-forwarded-") for name in headers)


def is_from_own_page(headers: Headers, *, schemes: frozenset[str] = frozenset({"http"})) -> bool:
    """Whether a browser says that a page of ours makes the call. Without a word of it: no."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and not _is_own(origin, headers.get("host", ""), schemes):
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is not None or site is not None


def _is_own(origin: str, host: str, schemes: frozenset[str]) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in schemes and parts.netloc == host and not parts.path
