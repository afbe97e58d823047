"""The page "Databricks" (LLM), second half: an app on a cluster's driver node.

Starts the driver app itself; the platform must know its host as a cluster:
``lakeserve up --cluster 0000-000000-example=127.0.0.1``.
"""

import socket
import subprocess
import sys
import time
from typing import Any

from langchain_lakeserve import Databricks

CLUSTER = "0000-000000-example"
PORT = 7777
START_TIMEOUT_S = 30


def start_driver_app() -> "subprocess.Popen[bytes]":
    app = subprocess.Popen([sys.executable, "-m", "examples.driver_app"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and app.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return app
        time.sleep(0.1)
    app.kill()
    raise SystemExit(f"the driver app did not start on port {PORT}")


def transform_input(**request: Any) -> dict[str, Any]:
    full_prompt = f"""{request["prompt"]}
    Be Concise.
    """
    request["prompt"] = full_prompt
    return request


def transform_output(response: str) -> str:
    return response.upper()


def main() -> None:
    llm = Databricks(cluster_id=CLUSTER, cluster_driver_port="7777")
    print("call:", llm("How are you?"))

    llm = Databricks(
        cluster_id=CLUSTER, cluster_driver_port="7777", model_kwargs={"temperature": 0.1}
    )
    print("model_kwargs:", llm("How are you?"))

    llm = Databricks(
        cluster_id=CLUSTER,
        cluster_driver_port="7777",
        transform_input_fn=transform_input,
        transform_output_fn=transform_output,
    )
    print("transforms:", llm("How are you?"))


if __name__ == "__main__":
    driver_app = start_driver_app()
    try:
        main()
    finally:
        driver_app.terminate()
        driver_app.wait()
