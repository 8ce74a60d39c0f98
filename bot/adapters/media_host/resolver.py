"""Names to addresses, so that a public name never leads into this machine or its network."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from bot.adapters.media_host.addresses import is_public, may_be_private

LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a name, best first. Raises OSError."""


class NoPublicAddress(OSError):
    """A public name that leads to private addresses only: a mistake, or an attack."""


class GuardedResolver(AbstractResolver):
    """Looks a name up once; the connection goes to the very addresses that were checked here."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises NoPublicAddress, or OSError when there is none at all."""
        found = [
            address for address in await self._look_up(host) if family in {0, _family(address)}
        ]
        allowed = found if may_be_private(host) else [one for one in found if is_public(one)]
        if found and not allowed:
            raise NoPublicAddress
        if not allowed:
            raise OSError("the name has no address")
        return [_result(host, address, port) for address in allowed]

    async def close(self) -> None:
        """Nothing is held."""


async def system_look_up(host: str) -> Sequence[str]:
    """What this machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [str(address[0]) for _family, _type, _protocol, _name, address in found]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=_family(address),
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )
