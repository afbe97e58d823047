"""The page "Databricks" (chat), last part: an endpoint in front of a provider's model.

The provider here is this platform itself, through its OpenAI-compatible path, so that the program
runs without an account anywhere; with another key and without ``openai_api_base`` it is OpenAI.
"""

import contextlib
import os
import time

from databricks.sdk import WorkspaceClient  # noqa: TID253
from databricks.sdk.errors import NotFound  # noqa: TID253
from langchain_lakeserve import ChatDatabricks

NAME, SCOPE = "my-chat", "external-model-example"

workspace = WorkspaceClient()

# As `lakeserve secrets create-scope` and `lakeserve secrets put-secret` do.
if SCOPE not in [scope.name for scope in workspace.secrets.list_scopes()]:
    workspace.secrets.create_scope(SCOPE)
workspace.secrets.put_secret(SCOPE, "key", string_value=os.environ["DATABRICKS_TOKEN"])

with contextlib.suppress(NotFound):
    workspace.serving_endpoints.delete(NAME)

config = {
    "served_entities": [
        {
            "name": NAME,
            "external_model": {
                "name": "databricks-dbrx-instruct",
                "provider": "openai",
                "task": "llm/v1/chat",
                "openai_config": {
                    "openai_api_key": f"{{{{secrets/{SCOPE}/key}}}}",
                    "openai_api_base": f"{os.environ['DATABRICKS_HOST']}/serving-endpoints",
                },
            },
        }
    ],
}
try:
    from mlflow.deployments import get_deploy_client
except ModuleNotFoundError:  # the documented program uses mlflow; its SDK says the same
    workspace.api_client.do(
        "POST", "/api/2.0/serving-endpoints", body={"name": NAME, "config": config}
    )
else:
    get_deploy_client("databricks").create_endpoint(config={"name": NAME, "config": config})

while str(workspace.serving_endpoints.get(NAME).as_dict()["state"]["ready"]) != "READY":
    time.sleep(0.1)

chat = ChatDatabricks(endpoint=NAME, temperature=0.1)
print("external:", chat.invoke("What is MLflow?").content)

workspace.serving_endpoints.delete(NAME)
workspace.secrets.delete_scope(SCOPE)
