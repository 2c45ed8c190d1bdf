"""How many messages a project may send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimit:
    """A token bucket for each project, in this process alone. Holds one second's worth."""

    def __init__(self, per_second: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._mutex = threading.Lock()
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, project_id: int, count: int) -> float:
        """Seconds to wait before the request may come again; 0: it may pass, and is counted.

        A batch larger than the bucket passes where anything is left, and leaves a debt behind: else no
        patience would ever get it through.
        """
        if not self._per_second:
            return 0.0
        with self._mutex:
            now = self._now()
            left, since = self._buckets.get(project_id, (float(self._per_second), now))
            left = min(float(self._per_second), left + (now - since) * self._per_second)
            passes = left >= min(count, self._per_second)
            self._buckets[project_id] = (left - count if passes else left, now)
        return 0.0 if passes else (min(count, self._per_second) - left) / self._per_second
