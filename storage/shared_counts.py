"""The gateways' counts in Redis."""

from collections.abc import Mapping

from redis import Redis, RedisError

from storage.errors import EphemeralUnavailable
from storage.redis_stores import NOTED

_ADD = f"""{NOTED}
local totals = {{}}
for place, key in ipairs(KEYS) do
  local more = tonumber(ARGV[place + 1])
  if more > 0 then
    totals[place] = redis.call("INCRBY", key, more)
    redis.call("EXPIRE", key, ARGV[1])
  else
    totals[place] = redis.call("GET", key) or 0
  end
end
return totals
"""  # asked four times a second, so that a new memory is noted before the first claim needs to know since when


class RedisCounts:
    """`storage.counts.Counts`; a call is one command, however many counts there are."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def add(self, counts: Mapping[str, int], *, seconds: int) -> Mapping[str, int]:
        try:
            totals = self._client.eval(_ADD, len(counts), *counts, seconds, *counts.values())
            return {key: int(total) for key, total in zip(counts, totals, strict=True)}
        except (RedisError, OSError, ValueError) as failure:
            raise EphemeralUnavailable("the shared counts do not answer") from failure
