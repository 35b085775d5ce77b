"""The cache, as Django has it, with one connection object for a process: making one anew for each command costs more than the command."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import ConnectionPool, Redis


class Client(RedisCacheClient):
    """Keeps one object for each pool. It is safe for threads; connections come from the pool as before."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept: dict[ConnectionPool, Redis] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Redis:
        pool = self._get_connection_pool(write)
        return self._kept.get(pool) or self._kept.setdefault(pool, super().get_client(key, write=write))

    def count(self, keys: Sequence[str], seconds: int | None) -> list[int]:
        """One more for each of these, in one round. At one moment: what is forgotten between the two would be counted for ever."""
        with self.get_client(write=True).pipeline(transaction=True) as pipeline:
            for key in keys:
                pipeline.set(key, 0, ex=seconds, nx=True)
                pipeline.incr(key)
            return pipeline.execute()[1::2]


class Cache(RedisCache):
    """What settings name."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client

    def count(self, *keys: str, seconds: int | None) -> list[int]:
        """How often each of these was counted, this time included; forgotten `seconds` after the first time. Without Valkey a RedisError or an OSError."""
        return self._cache.count([self.make_and_validate_key(key) for key in keys], seconds)
