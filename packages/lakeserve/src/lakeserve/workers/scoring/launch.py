"""Start a scoring worker: ``PYTHON_OF_THE_MODEL .../workers/scoring/launch.py --model ...``.

The platform is not installed in a model's environment, and nothing of its own environment may be
seen there. So this file makes a package of the platform's sources alone, and only those modules
that need nothing but a server and a JSON library are ever imported from it.
"""

import sys
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Serve; see ``lakeserve.workers.scoring.main``."""
    # Python puts the folder of a script first; its files must not hide modules of the same name.
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != _HERE]
    package = ModuleType("lakeserve")
    package.__path__ = [str(_HERE.parents[1])]
    sys.modules["lakeserve"] = package
    from lakeserve.workers.scoring.main import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
