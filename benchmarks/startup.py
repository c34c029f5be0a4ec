"""How long alkit's commands take to start, compared with Python alone and with importing numpy or torch.

python benchmarks/startup.py --out benchmarks/results/startup
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from common import parser, report, seconds

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "alkit --help": ["-m", "alkit", "--help"],
    "alkit strategies": ["-m", "alkit", "strategies"],
    "import numpy": ["-c", "import numpy"],
    "import torch": ["-c", "import torch"],
}


def starter(arguments: list[str]) -> Callable[[], object]:
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    given = parser(__doc__).parse_args()
    taken = seconds({name: starter(words) for name, words in COMMANDS.items()}, given.rounds)
    report("Start-up", {"A process from start to end": taken}, "import torch", given)


if __name__ == "__main__":
    main()
