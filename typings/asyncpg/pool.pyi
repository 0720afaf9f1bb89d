from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import Any, Self

from asyncpg import Connection, Record

# In the library a proxy that passes everything on to its connection.
class PoolConnectionProxy(Connection): ...

class Pool:
    def acquire(
        self, *, timeout: float | None = None
    ) -> AbstractAsyncContextManager[PoolConnectionProxy]: ...
    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str: ...
    async def fetch(
        self, query: str, *args: object, timeout: float | None = None
    ) -> list[Record]: ...
    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None
    ) -> Record | Any: ...  # None when there is no row
    async def fetchval(
        self, query: str, *args: object, column: int = 0, timeout: float | None = None
    ) -> Any: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...
    def __await__(self) -> Generator[Any, None, Self]: ...

def create_pool(
    dsn: str | None = None,
    *,
    min_size: int = 10,
    max_size: int = 10,
    command_timeout: float | None = None,
    reset: Callable[[Any], Awaitable[None]] | None = None,
) -> Pool: ...
