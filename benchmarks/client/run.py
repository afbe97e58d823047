"""Compares langchain-lakeserve with its peers and with floors, in one run, as ratios.

``python benchmarks/client/run.py [--peers PYTHON] [--passes N]``

`--peers` is the interpreter of an environment that holds `databricks-langchain` and
`langchain-openai`; without it only ours and the floors are measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROWS = [
    "import, wall s",
    "import, CPU s",
    "memory after import, MiB",
    "packages",
    "invoke, CPU us",
    "ainvoke, CPU us",
    "stream, CPU us per chunk",
    "astream, CPU us per chunk",
    "embed 1000x1024, CPU ms",
    "200 ainvoke at 200 ms, wall s",
    "200 aembed_query at 200 ms, wall s",
]


def measured(python: str, subject: str, host: str) -> dict[str, float]:
    """Run one measurement in a fresh process."""
    done = subprocess.run(
        [python, "-W", "ignore", str(HERE / "measure.py"), subject, host],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        print(f"{subject}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return {}
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def medians(passes: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each row over the passes."""
    return {
        row: statistics.median([one[row] for one in passes if row in one])
        for row in ROWS
        if any(row in one for one in passes)
    }


def number(value: float | None) -> str:
    """Write three significant digits."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(results: dict[str, dict[str, float]]) -> str:
    """Lay the results out; the last column is ours divided by databricks-langchain's."""
    lines = ["| | " + " | ".join(results) + " | ours / databricks |"]
    lines.append("| --- |" + " --- |" * (len(results) + 1))
    for row in ROWS:
        cells = [number(result.get(row)) for result in results.values()]
        ours = results.get("lakeserve", {}).get(row)
        theirs = results.get("databricks", {}).get(row)
        ratio = f"{ours / theirs:.2f}" if ours and theirs else ""
        lines.append(f"| {row} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="python of the environment with the peers")
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    subjects = [(sys.executable, "lakeserve"), (sys.executable, "core"), (sys.executable, "raw")]
    if options.peers:
        subjects[1:1] = [(options.peers, "databricks"), (options.peers, "openai")]
    stub = subprocess.Popen(
        [sys.executable, str(HERE / "stub.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert stub.stdout is not None
        host = stub.stdout.readline().strip()
        passes: dict[str, list[dict[str, float]]] = {subject: [] for _, subject in subjects}
        for _ in range(options.passes):  # interleaved, so that load on the machine hits all
            for python, subject in subjects:
                passes[subject].append(measured(python, subject, host))
    finally:
        stub.communicate("")
    print(table({subject: medians(runs) for subject, runs in passes.items()}))


if __name__ == "__main__":
    main()
