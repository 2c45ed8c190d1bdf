"""The committed tag is what its sources give, and stays small."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
TAG_GZIP_BYTES_MAX = 4800
SNIPPET_GZIP_BYTES_MAX = 350


def gzip_bytes(name: str) -> int:
    return len(gzip.compress((STATIC / name).read_bytes(), compresslevel=9))


def test_the_tag_stays_within_its_size() -> None:
    assert gzip_bytes("shopalytic.v1.js") <= TAG_GZIP_BYTES_MAX


def test_the_snippet_stays_within_its_size() -> None:
    assert gzip_bytes("snippet.js") <= SNIPPET_GZIP_BYTES_MAX


def test_a_rebuild_gives_the_committed_files_to_the_byte(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (ROOT / "tag" / "node_modules").is_dir():
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no node, or tag/node_modules is not installed: run tag/build.sh")
    subprocess.run(["sh", ROOT / "tag" / "build.sh", tmp_path], check=True, capture_output=True, text=True)
    for name in ("shopalytic.v1.js", "shopalytic.v1.mjs", "shopalytic.v1.d.mts", "snippet.js"):
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), f"{name}: run tag/build.sh"


def test_the_snippet_has_a_stub_for_every_public_method() -> None:
    api = (ROOT / "tag" / "src" / "api.ts").read_text()
    table = api[api.index("export const methods") :]
    methods = set(re.findall(r"^  (\w+)(?:\(.*\{|,$|: )", table, re.MULTILINE)) - {"_view"}
    stubs = re.search(r'of"([\w ]+)"\.split', (STATIC / "snippet.js").read_text())
    assert stubs is not None
    assert len(methods) == 16
    assert methods == set(stubs[1].split())


def test_static_holds_only_what_a_browser_may_download() -> None:
    sources = [path.name for path in STATIC.rglob("*") if path.suffix in {".ts", ".mts", ".map", ".mjs"}]
    assert sorted(sources) == ["shopalytic.v1.d.mts", "shopalytic.v1.mjs"]


def test_the_tag_has_no_runtime_dependency_and_its_lock_names_no_host() -> None:
    package = json.loads((ROOT / "tag" / "package.json").read_text())
    assert "dependencies" not in package
    assert "://" not in re.sub(r'"url": "[^"]*"', "", (ROOT / "tag" / "package-lock.json").read_text())
