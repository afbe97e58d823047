"""langchain-community, unmodified: the LLM on an app behind the driver proxy, by https only."""

import os
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)

os.environ["DATABRICKS_HOST"] = os.environ["HTTPS_HOST"]
os.environ["REQUESTS_CA_BUNDLE"] = os.environ["HTTPS_AUTHORITY"]

from langchain_community.llms import Databricks  # noqa: E402
from watching import Calls, refused  # noqa: E402

calls = Calls()
cluster_id, port = os.environ["CLUSTER_ID"], os.environ["DRIVER_PORT"]
model = Databricks(cluster_id=cluster_id, cluster_driver_port=port)
llm = calls.watch(model, prefix="Databricks.")
assert llm.invoke("How are you?") == "You said: How are you?"

# The documentation's way without environment variables, and with functions around the app.
llm = Databricks(
    host=os.environ["HTTPS_HOST"].removeprefix("https://"),
    api_token=os.environ["DATABRICKS_TOKEN"],
    cluster_id=cluster_id,
    cluster_driver_port=port,
    transform_input_fn=lambda **request: {**request, "prompt": request["prompt"] + " Be Concise."},
    transform_output_fn=lambda response: response.upper(),
)
assert llm.invoke("How are you?") == "YOU SAID: HOW ARE YOU? BE CONCISE."

for wrong, status in (({"cluster_id": "none"}, "404"), ({"api_token": "wrong"}, "403")):
    arguments = {"cluster_id": cluster_id, "cluster_driver_port": port, **wrong}
    refused(ValueError, lambda made=arguments: Databricks(**made).invoke("How are you?"), status)
calls.passed()
