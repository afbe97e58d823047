"""langchain-community, unmodified: the LLM on a serving endpoint, and embeddings."""

import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)

from langchain_community.embeddings import DatabricksEmbeddings  # noqa: E402
from langchain_community.llms import Databricks  # noqa: E402
from watching import Calls, refused  # noqa: E402

calls = Calls()
model = Databricks(endpoint_name="databricks-dbrx-instruct", temperature=0.0)
llm = calls.watch(model, prefix="Databricks.")
assert "MLflow" in llm.invoke("What is MLflow?")
assert "." not in llm.invoke("What is MLflow?", stop=["."])
assert "".join(llm.stream("What is MLflow?")) == llm.invoke("What is MLflow?")

embeddings = calls.watch(
    DatabricksEmbeddings(endpoint="databricks-bge-large-en"), prefix="DatabricksEmbeddings."
)
assert len(embeddings.embed_query("hello")) == 384
assert [len(v) for v in embeddings.embed_documents(["a", "b", "c"])] == [384] * 3
refused(Exception, lambda: Databricks(endpoint_name="nobody").invoke("hello"), "does not exist")
calls.passed()
