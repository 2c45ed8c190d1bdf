"""All measurements, one after the other."""

from __future__ import annotations

import subprocess
import sys

for name in ("collector", "pipeline_steps", "whole", "identity", "murder", "tag"):
    print(f"== benchmarks.{name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
