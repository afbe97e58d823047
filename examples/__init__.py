"""The programs of LangChain's documentation pages, one module per page."""
