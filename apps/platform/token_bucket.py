"""So many at once, and so many a second in the long run (token bucket, RFC 2697)."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """What somebody may still take. It is full when it is made: `tokens` is how many it holds then."""

    tokens: float
    filled_at: float
    """By the clock that `take` is given, in seconds."""

    def take(self, count: float, *, now: float, per_second: float, burst: float) -> float:
        """Take so many and return 0; or take nothing, and return in how many seconds there are so many."""
        self.tokens = min(burst, self.tokens + (now - self.filled_at) * per_second)
        self.filled_at = now
        if count > self.tokens:
            return (count - self.tokens) / per_second
        self.tokens -= count
        return 0
