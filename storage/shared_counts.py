"""The gateways' counts in Redis."""

from collections.abc import Mapping

from redis import Redis, RedisError

from storage.errors import EphemeralUnavailable


class RedisCounts:
    """`storage.counts.Counts`; a call is one round trip."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def add(self, counts: Mapping[str, int], *, seconds: int) -> Mapping[str, int]:
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.ping()
                for key, number in counts.items():
                    if number:
                        pipeline.incrby(key, number)
                    else:
                        pipeline.get(key)
                for key, number in counts.items():
                    if number:
                        pipeline.expire(key, seconds)
                totals = pipeline.execute()[1 : len(counts) + 1]
            return {key: int(total or 0) for key, total in zip(counts, totals, strict=True)}
        except (RedisError, OSError, ValueError) as failure:
            raise EphemeralUnavailable("the shared counts do not answer") from failure
