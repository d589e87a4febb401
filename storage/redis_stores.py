"""What all processes of the city share and may forget: Redis, or Valkey. Called from threads only."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from storage.errors import EphemeralUnavailable

_ANSWER_SECONDS = 1.0
_CONNECTIONS = 32
_AGAIN_SECONDS = 0.5
_PREFIX = "citygate:"
_CHANNEL = _PREFIX + "epoch"
_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""


SINCE = _PREFIX + "since"
# Since when nothing is forgotten: this run's start, or its being emptied; what a disk brings back is another run's.
NOTED = f"""
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
redis.call('HSETNX', '{SINCE}', run, redis.call('TIME')[1])
"""
_CLAIM = f"""{NOTED}
if tonumber(redis.call('HGET', '{SINCE}', run)) > tonumber(ARGV[2]) then return false end
return redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[1]) and 1 or 0
"""


def connect(url: str, password: str) -> redis.Redis:
    """Return a client whose every call answers, or fails, within about a second. `password` stands in no URL."""
    return redis.Redis.from_url(
        url,
        password=password or None,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),  # a second answer would come after the deadline of whoever asked
        health_check_interval=15,
        max_connections=_CONNECTIONS,
    )


class RedisEphemeral:
    """An Ephemeral that all processes share, and that a restart of Redis empties."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        with _answering():
            self._client.set(_PREFIX + key, value, ex=seconds)

    def get(self, keys: AbstractSet[str]) -> Mapping[str, bytes]:
        names = list(keys)
        with _answering():
            values = self._client.mget([_PREFIX + name for name in names])
        return {name: value for name, value in zip(names, values, strict=True) if isinstance(value, bytes)}

    def remove(self, key: str) -> None:
        with _answering():
            self._client.delete(_PREFIX + key)

    def claim(self, key: str, *, seconds: int, since: float = math.inf) -> bool:
        with _answering():
            claimed = self._client.eval(_CLAIM, 1, _PREFIX + key, seconds, since)
        if claimed is None:
            raise EphemeralUnavailable("the shared memory began after what it is asked for")
        return bool(claimed)

    def look(self, prefix: str, *, after: str, limit: int) -> tuple[list[tuple[str, bytes]], str]:
        with _answering():
            on, names = self._client.scan(int(after or 0), match=f"{_PREFIX}{prefix}*", count=limit)
            values = self._client.mget(names) if names else []
        keys = [name.decode() if isinstance(name, bytes) else name for name in names]
        pairs = [(key.removeprefix(_PREFIX), value) for key, value in zip(keys, values, strict=True)]
        return [(key, value) for key, value in pairs if isinstance(value, bytes)], str(on) if on else ""

    def swap(self, key: str, held: bytes, value: bytes) -> bool:
        with _answering():
            return bool(self._client.eval(_SWAP, 1, _PREFIX + key, held, value))

    def sweep(self) -> int:
        """Return 0: Redis forgets by itself."""
        return 0


class Hints:
    """Tells every process that the epoch may have changed. It is a hint: whoever misses it asks within 250 ms
    anyway.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._teller = ThreadPoolExecutor(1, "hint")
        self._telling: Future[None] | None = None

    def tell(self) -> None:
        """Send the hint, if anybody can be reached. Nobody waits for it."""
        if self._telling is None or self._telling.done():
            self._telling = self._teller.submit(self._tell)

    def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` in a thread of our own at every hint, and whenever some may have been missed."""
        self._thread = threading.Thread(target=self._listen, args=(heard,), name="hints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._teller.shutdown()
        if self._thread is not None:
            self._thread.join()

    def _tell(self) -> None:
        with suppress(RedisError, OSError):
            self._client.publish(_CHANNEL, b"")

    def _listen(self, heard: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            with suppress(RedisError, OSError):
                self._subscribed(heard)
            self._stopped.wait(_AGAIN_SECONDS)

    def _subscribed(self, heard: Callable[[], None]) -> None:
        with self._client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(_CHANNEL)
            while not self._stopped.is_set():
                if subscription.get_message(timeout=_AGAIN_SECONDS) is not None:
                    heard()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as failure:
        raise EphemeralUnavailable("the shared memory does not answer") from failure
