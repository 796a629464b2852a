"""Code run in a process of its own, with a limit on its memory and its time: what it makes of it must not hurt the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

SETUP = """
import resource, sys
for kind, most in ((resource.RLIMIT_AS, {memory}), (resource.RLIMIT_CPU, {seconds})):
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code (negative: by a signal), and what it wrote."""

    code: int
    out: str
    err: str


def limited(code: str, *arguments: str, memory: int = 6 << 30, seconds: int = 120, budget: str = "1G") -> Ended:
    """Run Python code with at most so many bytes of address space and seconds of processor time."""
    environment = os.environ | {"TFSNN_MEMORY": budget, "TFSNN_PROGRESS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    words = [sys.executable, "-c", SETUP.format(memory=memory, seconds=seconds) + code, *arguments]
    # Time in this process bounds what waits for ever and takes no processor time.
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", env=environment, check=False, timeout=10 * seconds)
    return Ended(done.returncode, done.stdout, done.stderr)
