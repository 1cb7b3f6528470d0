"""Empties a store: sends what waits, oldest first, until the platform has it."""

import logging
from collections.abc import Sequence

from .connection import Connection
from .errors import CredentialError, UnansweredError
from .protocol import MAX_READINGS, Accepted, Backoff, Outcome, Renew, Retry, Split
from .store import Store, Waiting

LOG = logging.getLogger(__name__)

CREDENTIAL_WAIT_SECONDS = 60.0
"""Who has no valid credential asks once a minute: an operator must do something first."""


class Sending:
    """Sends one device's readings. `batch`: most readings of a request, 1 to 10,000."""

    def __init__(
        self, store: Store, device_id: str, connection: Connection, backoff: Backoff, batch: int = 1_000
    ) -> None:
        if not 1 <= batch <= MAX_READINGS:
            raise ValueError(f"batch: 1 to {MAX_READINGS}, not {batch}")
        self._store = store
        self._device_id = device_id
        self._connection = connection
        self._backoff = backoff
        self._batch = batch
        self.problem: str | None = None
        """Why nothing could be sent the last time; None: it could."""

    def once(self) -> float | None:
        """Send one batch, if there is any; return how long to wait before the next attempt, None: nothing waits."""
        try:
            if self._store.waiting(self._device_id) == 0:
                return None
            # It tells the platform's time, which corrects the times of what waits: only then may they be fixed.
            self._connection.connect()
            batch = self._store.take(self._device_id, self._batch)
            outcome = self._settle(batch)
        except UnansweredError as error:
            return self._failed(str(error), error.retry_after)
        except CredentialError as error:
            return self._failed(str(error), CREDENTIAL_WAIT_SECONDS)
        match outcome:
            case Retry(reason, after):
                return self._failed(reason, after)
            case Renew(reason):
                return self._failed(reason, None)
            case _:
                self.problem = None
                self._backoff.reset()
                return 0.0

    def _settle(self, batch: Sequence[Waiting]) -> Outcome:
        outcome = self._connection.send([entry.reading for entry in batch])
        if isinstance(outcome, Split):
            if len(batch) > 1:
                middle = len(batch) // 2
                first = self._settle(batch[:middle])
                return self._settle(batch[middle:]) if isinstance(first, Accepted) else first
            outcome = Accepted({0: outcome.reason})
        if isinstance(outcome, Accepted):
            for index, reason in outcome.refused.items():
                LOG.warning("refused: %s: %s", batch[index].reading.json, reason)
            self._store.settle(self._device_id, batch, outcome.refused)
        return outcome

    def _failed(self, reason: str, after: float | None) -> float:
        if reason != self.problem:
            LOG.warning("not sent, kept: %s", reason)
        self.problem = reason
        return self._backoff.wait(after)
