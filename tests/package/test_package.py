"""What is built is what users get: the contents of wheel and sdist, and that the installed wheel runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return folder


def tracked(*folders: str) -> set[str]:
    """Files that git tracks below these folders, as they are named in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {name for name in listed.stdout.split("\0") if name}


def test_the_wheel_holds_code_sql_static_templates_and_worker(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = tracked("shopalytic") | {
        f"shopalytic/{name}" for name in tracked("static", "templates", "worker")
    }
    assert names == expected
    assert "shopalytic/static/shopalytic.v1.js" in names
    assert any(name.endswith(".sql") for name in names)


def test_the_sdist_builds_the_same_and_carries_tests_tag_and_docs(dist: Path) -> None:
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    missing = (
        tracked("shopalytic", "static", "templates", "worker", "tag", "tests", "docs", "benchmarks") - names
    )
    assert missing == set()
    assert not any("node_modules" in name for name in names)


def test_the_installed_wheel_runs_away_from_the_checkout(dist: Path, tmp_path: Path) -> None:
    [wheel] = dist.glob("*.whl")
    # With the packages of this environment, but not this checkout: --no-deps keeps the test off the network.
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sys.prefix).glob("lib/python*/site-packages/*"):
        if "shopalytic" not in entry.name and not entry.name.startswith(("__editable__", "_editable")):
            (packages / entry.name).symlink_to(entry)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(packages),
        "SHOPALYTIC_DATA_DIR": str(tmp_path / "d"),
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), "-m", "shopalytic", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "up" in run("--help")
    code = (
        "import json, shopalytic, shopalytic.settings as s; from shopalytic.supervisor.parts import *;"
        "from shopalytic.app import create_app; app = create_app(s.load_settings());"
        "client = app.test_client();"
        "print(json.dumps([shopalytic.__file__, str(s.resource_dir('static')), find_worker_package()[0],"
        "client.get('/shopalytic.v1.js').status_code, client.get('/healthz').status_code]))"
    )
    done = subprocess.run(
        [str(python), "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    file, static, worker, tag_status, health_status = json.loads(done.stdout)
    assert file.startswith(str(tmp_path)) and static.startswith(str(tmp_path))
    assert worker == "shopalytic.worker"
    assert (tag_status, health_status) == (200, 200)
