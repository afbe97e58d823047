"""The programs of LangChain's pages with their own imports: langchain-community 0.3, unmodified.

Only the address of the model behind the external endpoint is added, so that nothing leaves this
machine: it is the platform's own demo endpoint.
"""

import os
import warnings

warnings.filterwarnings("ignore")

from databricks.sdk import WorkspaceClient  # noqa: E402
from langchain_community.chat_models import ChatDatabricks  # noqa: E402
from langchain_community.embeddings import DatabricksEmbeddings  # noqa: E402
from langchain_community.llms import Databricks  # noqa: E402
from langchain_core.messages import HumanMessage, SystemMessage  # noqa: E402
from mlflow.deployments import get_deploy_client  # noqa: E402
from watching import Calls, refused  # noqa: E402

HOST, TOKEN = os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]
calls = Calls()

workspace = WorkspaceClient()
workspace.secrets.create_scope("documented")
workspace.secrets.put_secret("documented", "openai-api-key", string_value=TOKEN)
client = get_deploy_client("databricks")

secret = "secrets/documented/openai-api-key"
name = "documented-chat"
client.create_endpoint(
    name=name,
    config={
        "served_entities": [
            {
                "name": "my-chat",
                "external_model": {
                    "name": "databricks-dbrx-instruct",
                    "provider": "openai",
                    "task": "llm/v1/chat",
                    "openai_config": {
                        "openai_api_key": "{{" + secret + "}}",
                        "openai_api_base": f"{HOST}/serving-endpoints",
                    },
                },
            }
        ],
    },
)
workspace.serving_endpoints.wait_get_serving_endpoint_not_updating(name)

model = ChatDatabricks(target_uri="databricks", endpoint=name, temperature=0.1)
assert model([HumanMessage(content="hello")]).content
chat = calls.watch(model, prefix="ChatDatabricks.")
messages = [
    SystemMessage(content="You're a helpful assistant."),
    HumanMessage(content="What is MLflow?"),
]
assert "MLflow" in chat.invoke(messages).content
assert "MLflow" in "".join(chunk.content for chunk in chat.stream(messages))
refused(
    Exception,
    lambda: ChatDatabricks(endpoint="nobody").invoke("hello"),
    "does not exist",
)

embeddings = calls.watch(
    DatabricksEmbeddings(endpoint="databricks-bge-large-en"), prefix="DatabricksEmbeddings."
)
assert len(embeddings.embed_query("hello")) == 384
assert [len(v) for v in embeddings.embed_documents(["a", "b"])] == [384] * 2

llm = calls.watch(Databricks(endpoint_name="databricks-dbrx-instruct"), prefix="Databricks.")
assert "MLflow" in llm.invoke("What is MLflow?")
assert "." not in llm.invoke("What is MLflow?", stop=["."])

client.delete_endpoint(name)
workspace.secrets.delete_scope("documented")
calls.passed()
