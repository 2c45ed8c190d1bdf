"""What `rq worker -c worker.settings` and `rq cron -c worker.settings` load. Reading it connects to nothing."""

from __future__ import annotations

from shopalytic.errors import ConfigurationError
from shopalytic.logs import logging_config
from shopalytic.settings import load_settings

try:
    _settings = load_settings()
except ConfigurationError as error:
    raise SystemExit(error.message) from None

REDIS_URL = _settings.queue_url
QUEUES = ["shopalytic"]
DICT_CONFIG = logging_config(_settings)
