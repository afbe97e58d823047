"""The page "DatabricksEmbeddings"."""

import asyncio

from langchain_lakeserve import DatabricksEmbeddings

embeddings = DatabricksEmbeddings(
    endpoint="databricks-bge-large-en",
    # Specify parameters for embedding queries and documents if needed
    # query_params={...},
    # document_params={...},
)

print("query:", embeddings.embed_query("hello")[:3])

documents = ["This is a dummy document.", "This is another dummy document."]
response = embeddings.embed_documents(documents)
print("documents:", [e[:3] for e in response])  # the first 3 elements of each embedding

again = asyncio.run(embeddings.aembed_documents(documents))
print("asynchronously the same:", [len(e) for e in again])
