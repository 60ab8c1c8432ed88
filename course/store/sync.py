"""Durability for many at once: who commits while a sync is under way shares the next one.

SQLite could sync its log at every commit, and would hold the lock meanwhile that all writers wait for. Here it commits
without, and who must be sure asks for a sync after letting go of the lock: one covers all that was committed before it.
"""

import os
import sys
from collections.abc import Callable
from threading import Lock

if sys.platform == "darwin":  # anything less stays in the disk's own cache there
    from fcntl import F_FULLFSYNC, fcntl

    def flush(file: int) -> None:
        fcntl(file, F_FULLFSYNC)

else:
    flush = getattr(os, "fdatasync", os.fsync)


class SharedSync:
    """Syncs one file for all threads that ask; `flush` brings an open file to the disk."""

    def __init__(self, flush: Callable[[int], None] = flush) -> None:
        self._flush = flush
        self.asked = self._covered = 0  # tickets drawn; the newest of those that a sync has covered
        self._drawing, self._syncing = Lock(), Lock()

    def __call__(self, path: str) -> None:
        """Returns when all that was written before is on the disk. Raises OSError if it could not be brought there."""
        with self._drawing:
            self.asked += 1
            mine = self.asked
        with self._syncing:
            if self._covered < mine:
                covers = self.asked  # those who drew until now have written before
                self._sync(path)
                self._covered = covers

    def _sync(self, path: str) -> None:
        # Opened anew each time, since the log is another file after all connections were closed. SQLite keeps its locks
        # on the database and the index, so closing the log lets go of none.
        file = os.open(path, os.O_RDWR)
        try:
            self._flush(file)
        finally:
            os.close(file)
