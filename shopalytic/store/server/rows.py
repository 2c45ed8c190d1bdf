"""An INSERT's rows on their way into the engine, which reads them from a file."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shopalytic.store.server.failures import NOT_ENOUGH_SPACE, refusal


@contextmanager
def file_of(rows: Iterable[bytes], scratch: Path) -> Iterator[bytes]:
    """The path of a file that holds the rows for as long as the context lasts.

    It is never synced and soon gone, so that small ones do not reach the disk. Raises StatementFailed where
    there is no room for it.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=scratch, prefix="rows-") as file:
            for piece in rows:
                file.write(piece)
            file.flush()
            yield os.fsencode(file.name)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise refusal(NOT_ENOUGH_SPACE, f"The rows cannot be kept while they are read: {error}.") from None
