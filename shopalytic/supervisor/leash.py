"""Run as a script: ends with its parent, then becomes the command it is given.

    python -I -S leash.py PARENT_PID COMMAND…

A supervisor that is killed outright can stop nobody. Linux then sends each child that ran through here
SIGTERM, so that it saves what it has; other systems lack that, and their children stay until ended by hand.
"""

from __future__ import annotations

import os
import sys

PR_SET_PDEATHSIG = 1
SIGTERM = 15


def main(parent_pid: int, command: list[str]) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGTERM)
    # The parent may have died before the line above, and its death is told only once.
    if os.getppid() != parent_pid:
        sys.exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
