"""Where the figures of a report come from."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from prover.native.isa import isa
from prover.native.threads import available


def machine() -> dict[str, Any]:
    """Where the figures come from, and how busy it was meanwhile."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {
        "cpu": model,
        "target": isa().cpu,  # LLVM's name of it, which says more where the other is vague
        "instructions": isa().name,
        "cores": available(),
        "system": f"{platform.system()} {platform.release()}",
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Python's version and the packages', "none" where one is not installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found
