"""`make bench`: speeds, printed and never asserted."""

from __future__ import annotations

import subprocess
import sys

MODULES = ("tests.dataplane.bench", "tests.commands.parallel_bench")


def main() -> int:
    """Run the benches one after the other, so that none slows another."""
    codes = [subprocess.run([sys.executable, "-m", module], check=False).returncode for module in MODULES]
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
