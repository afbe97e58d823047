"""Which calls of each client the programs in ``clients`` drive.

A program tells what it drove. It has to be all of ``driven``; and of what the client offers in the
parts that are driven whole, only ``left_out`` may be missing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """The calls of one client.

    Attributes:
        driven: By their dotted names, or as they are typed.
        left_out: Offered by the client, and not driven, for a reason beside its name.
    """

    driven: frozenset[str]
    left_out: frozenset[str] = frozenset()


def _under(part: str, *names: str) -> frozenset[str]:
    return frozenset(f"{part}.{name}" for name in names)


_ENDPOINT_CALLS = _under(
    "serving_endpoints",
    "create",
    "create_and_wait",
    "get",
    "list",
    "delete",
    "update_config",
    "update_config_and_wait",
    "wait_get_serving_endpoint_not_updating",
    "query",
    "get_open_ai_client",
    "get_langchain_chat_open_ai_client",
    "get_open_api",
    "export_metrics",
    "logs",
    "build_logs",
    "patch",
    "put",
    "put_ai_gateway",
    "update_notifications",
    "patch_telemetry_config",
    "http_request",
    "get_permissions",
    "get_permission_levels",
    "set_permissions",
    "update_permissions",
)
_ACCOUNT_CALLS = frozenset(
    f"{part}.{name}"
    for part in ("users", "groups", "service_principals")
    for name in ("create", "get", "list", "patch", "update", "delete")
)

CALLS: dict[str, Row] = {
    "mlflow_client": Row(
        frozenset(
            {
                "create_endpoint",
                "list_endpoints",
                "get_endpoint",
                "delete_endpoint",
                "update_endpoint",
                "update_endpoint_config",
                "update_endpoint_tags",
                "update_endpoint_rate_limits",
                "update_endpoint_ai_gateway",
                "predict",
                "predict_stream",
            }
        ),
        # The client itself refuses these.
        frozenset(
            {
                "create_deployment",
                "delete_deployment",
                "explain",
                "get_deployment",
                "list_deployments",
                "update_deployment",
            }
        ),
    ),
    "databricks_sdk_client": Row(
        _ENDPOINT_CALLS
        | _ACCOUNT_CALLS
        | _under("dbutils.secrets", "get")
        | _under("service_principal_secrets_proxy", "create", "list", "delete")
        | _under(
            "clusters",
            "list",
            "get",
            "ensure_cluster_is_running",
            "get_permissions",
            "get_permission_levels",
            "set_permissions",
            "update_permissions",
        ),
        _under(
            "serving_endpoints",
            # Provisioned throughput wants a model that the shared platform does not have; its
            # tests drive these.
            "create_provisioned_throughput_endpoint",
            "create_provisioned_throughput_endpoint_and_wait",
            "update_provisioned_throughput_endpoint_config",
            "update_provisioned_throughput_endpoint_config_and_wait",
        ),
    ),
    "openai_client": Row(
        frozenset(
            {
                "chat.completions.create",
                "completions.create",
                "embeddings.create",
                "responses.create",
            }
        )
        | _under("async", "chat.completions.create", "completions.create", "embeddings.create")
    ),
    "databricks_langchain_client": Row(
        _under(
            "ChatDatabricks",
            "invoke",
            "ainvoke",
            "stream",
            "astream",
            "batch",
            "bind_tools",
            "with_structured_output",
        )
        | _under("responses.ChatDatabricks", "invoke", "stream")
        | _under("ai_gateway.ChatDatabricks", "invoke")
        | _under("DatabricksEmbeddings", "embed_query", "embed_documents")
    ),
    "langchain_community_client": Row(
        _under("Databricks", "invoke", "stream")
        | _under("DatabricksEmbeddings", "embed_query", "embed_documents")
    ),
    "documented_page_client": Row(
        _under("ChatDatabricks", "invoke", "stream")
        | _under("DatabricksEmbeddings", "embed_query", "embed_documents")
        | _under("Databricks", "invoke")
    ),
    "driver_app_client": Row(_under("Databricks", "invoke")),
    "legacy_cli_client": Row(
        frozenset(
            {
                "secrets create-scope",
                "secrets list-scopes",
                "secrets put",
                "secrets write",
                "secrets list",
                "secrets put-acl",
                "secrets list-acls",
                "secrets get-acl",
                "secrets delete-acl",
                "secrets delete",
                "secrets delete-scope",
                "tokens create",
                "tokens list",
                "tokens revoke",
                "clusters list",
            }
        )
    ),
}
