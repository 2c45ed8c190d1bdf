"""Every option of Shopalytic: its name, default, unit and sentence. Read from SHOPALYTIC_… variables."""

from __future__ import annotations

import difflib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import quote

import msgspec

from shopalytic.errors import ConfigurationError

PREFIX = "SHOPALYTIC_"
SOCKET_PATH_LIMIT_BYTES = 100
"""A Unix socket's path ends at 107 bytes on Linux and at 103 elsewhere."""
OWN_PATHS = frozenset(
    """
    alias api batch data healthz hooks identify metrics projects readyz sign-in sign-out static track v1
    """.split()  # noqa: SIM905
)
"""First parts of paths that have a meaning already."""


def _says(sentence: str, **limits: Any) -> msgspec.Meta:
    return msgspec.Meta(description=sentence, **limits)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options. Made once per process by `load_settings` and handed down; never read from a global."""

    data_dir: Annotated[Path, _says("Folder of everything that the embedded engines keep.")] = Path(
        ".shopalytic"
    )
    secret_key: Annotated[
        str,
        _says(
            "Signs sessions and sign-in links, and knows erased ids again: the same on every machine. Made at the first "
            "start and kept in the data folder."
        ),
    ] = ""
    redis_url: Annotated[str, _says("Redis or Valkey that holds the queue; empty: the embedded Valkey.")] = ""
    database_url: Annotated[
        str, _says("SQLAlchemy URL of the relational database; empty: SQLite in the data folder.")
    ] = ""
    clickhouse_url: Annotated[
        str, _says("ClickHouse server's HTTP address with user and password; empty: the embedded store.")
    ] = ""
    clickhouse_database: Annotated[str, _says("Database of the event tables.")] = "shopalytic"
    clickhouse_cluster: Annotated[
        str, _says("Name of the ClickHouse cluster that the tables are made on; empty: one server.")
    ] = ""
    host: Annotated[str, _says("Address that the web server listens on.")] = "127.0.0.1"
    port: Annotated[int, _says("Port that the web server listens on.", ge=1, le=65535)] = 8000
    web_workers: Annotated[int, _says("Web server processes.", ge=1, le=64)] = 2
    web_threads: Annotated[int, _says("Threads of each web server process.", ge=1, le=256)] = 8
    public_url: Annotated[
        str, _says("Address under which browsers reach this server; empty: what the request says.")
    ] = ""
    worker_processes: Annotated[int, _says("Worker processes that `up` runs.", ge=1, le=64)] = 1
    trusted_proxies: Annotated[
        int, _says("Reverse proxies in front whose X-Forwarded-For entries are believed.", ge=0, le=10)
    ] = 0
    partitions: Annotated[
        int, _says("Partitions of the stream; a visitor's messages stay in one, in order.", ge=1, le=256)
    ] = 2
    batch_size: Annotated[int, _says("Messages that a worker takes at a time.", ge=1, le=10000)] = 1000
    message_limit_bytes: Annotated[int, _says("Largest message taken, in bytes.", ge=256)] = 32 * 1024
    body_limit_bytes: Annotated[int, _says("Largest request body taken, in bytes.", ge=1024)] = 512 * 1024
    rate_limit_per_second: Annotated[
        int, _says("Messages a second taken for one project by one web process; 0: no limit.", ge=0)
    ] = 0
    queue_memory_mb: Annotated[int, _says("Memory cap of the embedded queue, in MB.", ge=16)] = 512
    queue_fsync: Annotated[
        Literal["always", "everysec"],
        _says("When the embedded queue's log reaches the disk: before each answer, or every second."),
    ] = "always"
    store_memory_mb: Annotated[int, _says("Memory cap of the embedded store, in MB.", ge=256)] = 2048
    store_threads: Annotated[int, _says("Queries that the embedded store runs at once.", ge=1, le=64)] = 4
    metrics_key: Annotated[
        str, _says("Bearer key that /metrics asks for; empty: whoever reaches the server may read it.")
    ] = ""
    store_fsync: Annotated[
        bool, _says("Whether rows reach the disk before the embedded store acknowledges them.")
    ] = True
    session_timeout_minutes: Annotated[
        int, _says("Idle minutes after which a visitor's next event starts a new session.", ge=1, le=1440)
    ] = 30
    geoip_file: Annotated[
        Path | None,
        _says(
            "Country database in MaxMind's format, which web and workers read; without one no country is filled in."
        ),
    ] = None
    tag_name: Annotated[
        str, _says("File name under which the tag is served.", pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$")
    ] = "shopalytic.v1.js"
    pixel_name: Annotated[
        str,
        _says("File name under which the pixel is served.", pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"),
    ] = "p.gif"
    cookie_name: Annotated[str, _says("Name of the tracking cookie.", pattern=r"^[A-Za-z0-9_-]{1,64}$")] = (
        "_sha"
    )
    collector_path: Annotated[
        str,
        _says(
            "Path under which the tag, the pixel and the native calls are reached too, such as /basket-data; the "
            "snippet then names it.",
            pattern=r"^(/[A-Za-z0-9_-]+)*$",
        ),
    ] = ""
    log_format: Annotated[
        Literal["auto", "console", "json"],
        _says("Log lines: readable, JSON, or by whether it is a terminal."),
    ] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _says("Least level logged.")] = "info"

    @property
    def queue_url(self) -> str:
        """The Redis address in force: `redis_url`, or the embedded queue's Unix socket."""
        return self.redis_url or f"unix://{quote(str(self.queue_socket))}"

    @property
    def queue_socket(self) -> Path:
        """Where the embedded queue listens; in the temporary folder where the data folder's path is too long."""
        socket = self.data_dir.absolute() / "queue" / "queue.sock"
        if len(os.fsencode(socket)) <= SOCKET_PATH_LIMIT_BYTES:
            return socket
        name = hashlib.blake2b(os.fsencode(socket), digest_size=12).hexdigest()
        return Path(tempfile.gettempdir()) / f"shopalytic-{name}.sock"

    @property
    def relational_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'shopalytic.db'}"

    @property
    def store_address_file(self) -> Path:
        """JSON `{"url": …}` of the embedded store, written by it at each start, readable by its owner only."""
        return self.data_dir.absolute() / "store.json"


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read SHOPALYTIC_… variables; `overrides` (None means not given) win.

    Raises ConfigurationError for an unknown variable, naming the nearest known one, and for a wrong value.
    """
    environ = os.environ if environ is None else environ
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    values: dict[str, Any] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable == PREFIX + "CHROMIUM":
            continue
        if variable not in known:
            near = difflib.get_close_matches(variable, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"There is no setting {variable}{hint}")
        values[known[variable]] = value
    values |= {name: value for name, value in overrides.items() if value is not None}
    hints = get_type_hints(Settings, include_extras=True)
    for name, value in values.items():
        try:
            values[name] = msgspec.convert(value, hints[name], strict=False, dec_hook=_decode)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"{PREFIX}{name.upper()} is {value!r}: {error}") from None
    settings = Settings(**values)
    _check_names(settings)
    return settings


def _check_names(settings: Settings) -> None:
    """Two things under one address would hide each other. Raises ConfigurationError."""
    named = {
        "collector_path": settings.collector_path.strip("/").partition("/")[0],
        "tag_name": settings.tag_name,
        "pixel_name": settings.pixel_name,
    }
    module = settings.tag_name.removesuffix(".js")
    seen = {f"{module}.mjs", f"{module}.d.mts"}
    for name, value in named.items():
        if value in OWN_PATHS or value in seen:
            raise ConfigurationError(f"{PREFIX}{name.upper()} is {value!r}: another thing has that address.")
        seen |= {value} - {""}


def _decode(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(value).expanduser()
    raise NotImplementedError(kind)


def get_secret_key(settings: Settings) -> str:
    """The signing key: the setting, or the one kept in the data folder, made by whoever asks first."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir.absolute() / "secret_key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {path.parent} cannot be written: {error.strerror}."
        ) from None
    return path.read_text().strip()


def resource_dir(name: str) -> Path:
    """Folder of files that ship beside the code (`static`, `templates`): in the wheel inside the package."""
    packaged = Path(__file__).parent / name
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / name
