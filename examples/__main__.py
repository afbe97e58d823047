"""Run every example in turn: ``lakeserve run -- python -m examples``."""

import subprocess
import sys
import time

PROGRAMS = {
    "chat": "ChatDatabricks: invoke, messages, chain, stream, gather, tools",
    "llm_serving_endpoint": "Databricks LLM on a serving endpoint",
    "llm_driver_app": "Databricks LLM on a cluster driver app",
    "embeddings": "DatabricksEmbeddings",
    "external_model": "An endpoint of an external model",
}


def main() -> int:
    """Run the programs; the result is the number of those that failed."""
    failures = 0
    for name, title in PROGRAMS.items():
        print(f"\n=== {title} (examples/{name}.py) ===", flush=True)
        started = time.monotonic()
        failed = subprocess.run([sys.executable, "-m", f"examples.{name}"], check=False).returncode
        failures += bool(failed)
        print(f"--- {'FAILED' if failed else 'done'} in {time.monotonic() - started:.1f} s")
    return failures


if __name__ == "__main__":
    sys.exit(main())
