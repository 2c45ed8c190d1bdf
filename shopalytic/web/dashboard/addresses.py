"""A project's part of an address: its number, as `7`, or its sandbox's, as `7-sandbox`."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.routing import BaseConverter

SANDBOX = "-sandbox"


class ProjectAddress(NamedTuple):
    project_id: int
    is_sandbox: bool = False

    def __str__(self) -> str:
        return f"{self.project_id}{SANDBOX if self.is_sandbox else ''}"


class ProjectConverter(BaseConverter):
    """A ProjectAddress out of an address; into one, a project's number does as well."""

    regex = rf"\d{{1,9}}(?:{SANDBOX})?"

    def to_python(self, value: str) -> ProjectAddress:
        return ProjectAddress(int(value.removesuffix(SANDBOX)), value.endswith(SANDBOX))

    def to_url(self, value: object) -> str:
        return str(value)
