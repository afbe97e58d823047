"""mlflow, unmodified: the documented external endpoint, from its creation to its end.

The model behind it is the platform's own demo endpoint, reached through its OpenAI path.
"""

import os
import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks_langchain import ChatDatabricks
from mlflow.deployments import get_deploy_client
from mlflow.exceptions import MlflowException
from openai import NotFoundError, OpenAI
from requests import HTTPError
from watching import Calls, refused

HOST, TOKEN = os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]
NAME, SCOPE = "mlflow-chat", "mlflow-client"

workspace = WorkspaceClient()
workspace.secrets.create_scope(SCOPE)
workspace.secrets.put_secret(SCOPE, "key", string_value=TOKEN)
calls = Calls()
client = calls.watch(get_deploy_client("databricks"), "")


def config(**secret):
    block = {"openai_api_base": f"{HOST}/serving-endpoints", **secret}
    model = {
        "name": "databricks-dbrx-instruct",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": block,
    }
    return {"served_entities": [{"name": NAME, "external_model": model}]}


REFERENCE = {"openai_api_key": f"{{{{secrets/{SCOPE}/key}}}}"}


def settled():
    for _ in range(200):
        endpoint = client.get_endpoint(NAME)
        if endpoint["state"]["config_update"] != "IN_PROGRESS":
            return endpoint
        time.sleep(0.05)
    raise AssertionError(endpoint)


# The older signature, as the documentation of LangChain shows it.
created = client.create_endpoint(name=NAME, config=config(**REFERENCE))
assert created["name"] == NAME, created
endpoint = settled()
assert endpoint["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}, endpoint
assert endpoint["endpoint_type"] == "EXTERNAL_MODEL", endpoint
shown = endpoint["config"]["served_entities"][0]["external_model"]
assert shown["openai_config"] == {**REFERENCE, "openai_api_base": f"{HOST}/serving-endpoints"}

question = {"messages": [{"role": "user", "content": "What is MLflow?"}], "temperature": 0}
answer = client.predict(endpoint=NAME, inputs=question)["choices"][0]["message"]["content"]
assert "MLflow" in answer, answer
parts = client.predict_stream(endpoint=NAME, inputs=question)
streamed = "".join(
    part["choices"][0]["delta"].get("content") or "" for part in parts if part["choices"]
)
assert streamed == answer, streamed
assert ChatDatabricks(model=NAME, temperature=0).invoke("What is MLflow?").content == answer
openai = OpenAI(api_key=TOKEN, base_url=f"{HOST}/serving-endpoints")
asked = openai.chat.completions.create(model=NAME, **question)
assert asked.choices[0].message.content == answer, asked

# A config whose secret is missing fails, and the old one goes on serving.
missing = config(openai_api_key=f"{{{{secrets/{SCOPE}/nothing}}}}")
updated = client.update_endpoint_config(NAME, missing)
assert updated["state"]["ready"] == "READY", updated
failed = settled()
assert failed["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"}, failed
assert failed["config"]["config_version"] == 1, failed
assert client.predict(endpoint=NAME, inputs=question)["choices"][0]["message"]["content"] == answer

# A plaintext secret comes into force and is never shown.
client.update_endpoint_config(NAME, config(openai_api_key_plaintext=TOKEN))
updated = settled()
assert updated["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}, updated
assert updated["config"]["config_version"] == 2, updated
assert TOKEN not in str(updated) + str(client.list_endpoints()), updated
assert client.predict(endpoint=NAME, inputs=question)["choices"][0]["message"]["content"] == answer

tags = client.update_endpoint_tags(NAME, {"add_tags": [{"key": "team", "value": "a"}]})
assert tags == {"tags": [{"key": "team", "value": "a"}]}, tags

# What the gateway does for it beside forwarding, in both of mlflow's spellings.
limit = {"calls": 1000, "key": "endpoint", "renewal_period": "minute"}
assert client.update_endpoint_rate_limits(NAME, {"rate_limits": [limit]})["rate_limits"] == [limit]
assert client.update_endpoint(NAME, {"rate_limits": [limit]})["rate_limits"] == [limit]
block = {"usage_tracking_config": {"enabled": True}, "rate_limits": [limit]}
stored = client.update_endpoint_ai_gateway(NAME, block)
assert stored["usage_tracking_config"] == {"enabled": True}, stored
assert client.get_endpoint(NAME)["ai_gateway"]["usage_tracking_config"] == {"enabled": True}
changed = client.update_endpoint(NAME, config(**REFERENCE))
assert changed["name"] == NAME, changed
assert settled()["state"]["config_update"] == "NOT_UPDATING"

# Each client's own exceptions.
full = {"name": NAME, "config": config(**REFERENCE)}
refused(HTTPError, lambda: client.create_endpoint(config=full), "already exists")
refused(
    ResourceAlreadyExists,
    lambda: workspace.api_client.do("POST", "/api/2.0/serving-endpoints", body=full),
    "already exists",
)
reserved = {**full, "name": "databricks-mine"}
refused(HTTPError, lambda: client.create_endpoint(config=reserved), "reserved")
refused(HTTPError, lambda: client.get_endpoint("nothing"), "'nothing' does not exist")
refused(HTTPError, lambda: client.delete_endpoint("nothing"), "'nothing' does not exist")
refused(ResourceDoesNotExist, lambda: workspace.serving_endpoints.get("nothing"), "does not exist")
refused(
    (MlflowException, NotFound, OSError),
    lambda: client.predict(endpoint="nothing", inputs=question),
    "does not exist",
)
refused(
    NotFoundError,
    lambda: openai.chat.completions.create(model="nothing", **question),
    "does not exist",
)
many = config(**REFERENCE)
(entity,) = many["served_entities"]
many["served_entities"] = [{**entity, "name": f"e{number}"} for number in range(10)]
many["traffic_config"] = {"routes": [{"served_model_name": "e0", "traffic_percentage": 100}]}


def update_without_pause():
    for _ in range(50):
        client.update_endpoint_config(NAME, many)


refused(HTTPError, update_without_pause, "is being updated")
settled()

robot = workspace.service_principals.create(display_name="mlflow robot")
token = workspace.token_management.create_obo_token(robot.application_id, lifetime_seconds=600)
for credential, text in ((token.token_value, "does not exist"), ("wrong", "Invalid access token")):
    os.environ["DATABRICKS_TOKEN"] = credential
    refused(HTTPError, lambda: client.get_endpoint(NAME), text)
    refused(HTTPError, lambda: client.update_endpoint_config(NAME, many), text)
os.environ["DATABRICKS_TOKEN"] = token.token_value
workspace.permissions.update(
    "serving-endpoints",
    workspace.serving_endpoints.get(NAME).id,
    access_control_list=[
        AccessControlRequest(
            service_principal_name=robot.application_id, permission_level=PermissionLevel.CAN_VIEW
        )
    ],
)
assert client.get_endpoint(NAME)["permission_level"] == "CAN_VIEW"
refused(HTTPError, lambda: client.delete_endpoint(NAME), "does not have CAN_MANAGE")
refused(
    (MlflowException, PermissionDenied, OSError),
    lambda: client.predict(endpoint=NAME, inputs=question),
    "does not have CAN_QUERY",
)
os.environ["DATABRICKS_TOKEN"] = TOKEN
workspace.service_principals.delete(robot.id)

assert client.delete_endpoint(NAME) == {}
names = [each["name"] for each in client.list_endpoints()]
assert NAME not in names, names
# The present signature makes the same endpoint.
client.create_endpoint(config=full)
assert settled()["state"]["ready"] == "READY"
workspace.serving_endpoints.delete(NAME)
workspace.secrets.delete_scope(SCOPE)
calls.passed()
