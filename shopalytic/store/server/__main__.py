"""`python -m shopalytic.store.server FOLDER`: the embedded store alone, for tests and measurements."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from shopalytic.errors import ShopalyticError
from shopalytic.store.server import ServerOptions, serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m shopalytic.store.server", description=__doc__)
    parser.add_argument("data_dir", type=Path, help="the store's own folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--user", default="shopalytic")
    parser.add_argument(
        "--password-variable", default="", help="environment variable that holds the password"
    )
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--waiting-limit", type=int, default=64)
    parser.add_argument("--memory-limit-mb", type=int, default=2048)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument(
        "--no-fsync", action="store_false", dest="fsync", help="faster; a power cut loses rows"
    )
    parser.add_argument("--drain-seconds", type=float, default=20.0)
    given = vars(parser.parse_args())
    variable = given.pop("password_variable")
    limit_bytes = given.pop("memory_limit_mb") << 20
    try:
        serve(ServerOptions(password=os.environ.get(variable, ""), memory_limit_bytes=limit_bytes, **given))
    except ShopalyticError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
