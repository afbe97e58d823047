"""databricks-sdk, unmodified: every call of the parts that the platform speaks."""

import os

from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    NotImplemented,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
)
from databricks.sdk.service import compute, iam, serving, settings, workspace
from watching import Calls, refused

HOST, TOKEN = os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]
NAME, SCOPE, CLUSTER = "sdk-chat", "sdk-client", os.environ["CLUSTER_ID"]
HELLO = [
    serving.ChatMessage(role=serving.ChatMessageRole.USER, content="What is MLflow?"),
]

PATCH = [iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]

calls = Calls()
w = calls.watch(
    WorkspaceClient(),
    "serving_endpoints",
    "secrets",
    "tokens",
    "token_management",
    "current_user",
    "permissions",
)


def grants(kind, level, **principal):
    return [kind.from_dict({"permission_level": level, **principal})]


# Secrets.
w.secrets.create_scope(SCOPE)
w.secrets.put_secret(SCOPE, "key", string_value=TOKEN)
assert w.dbutils.secrets.get(SCOPE, "key") == TOKEN
assert w.secrets.get_secret(SCOPE, "key").key == "key"
assert [each.key for each in w.secrets.list_secrets(SCOPE)] == ["key"]
assert SCOPE in [each.name for each in w.secrets.list_scopes()]
w.secrets.put_acl(SCOPE, "users", workspace.AclPermission.READ)
assert w.secrets.get_acl(SCOPE, "users").permission is workspace.AclPermission.READ
assert len(list(w.secrets.list_acls(SCOPE))) == 2
w.secrets.delete_acl(SCOPE, "users")
w.secrets.put_secret(SCOPE, "other", bytes_value="AP8=")
w.secrets.delete_secret(SCOPE, "other")
refused(ResourceDoesNotExist, lambda: w.secrets.get_secret(SCOPE, "other"), "does not exist")
refused(ResourceAlreadyExists, lambda: w.secrets.create_scope(SCOPE), "already exists")

# Tokens.
me = w.current_user.me()
made = w.tokens.create(comment="sdk", lifetime_seconds=600)
token_id = made.token_info.token_id
renamed = settings.PublicTokenInfo(comment="renamed")
w.tokens.update(token_id, renamed, FieldMask(["comment"]))
assert {each.token_id: each.comment for each in w.tokens.list()}[token_id] == "renamed"
robot = w.service_principals.create(display_name="SDK robot")
behalf = w.token_management.create_obo_token(robot.application_id, lifetime_seconds=600)
behalf_id = behalf.token_info.token_id
assert behalf_id in [each.token_id for each in w.token_management.list()]
info = w.token_management.get(behalf_id).token_info
assert (str(info.owner_id), info.created_by_username) == (robot.id, me.user_name)
w.token_management.update_token_management(
    behalf_id, settings.TokenInfo(comment="theirs"), FieldMask(["comment"])
)
assert w.token_management.get(behalf_id).token_info.comment == "theirs"
use = grants(settings.TokenAccessControlRequest, "CAN_USE", group_name="users")
assert w.token_management.get_permission_levels().permission_levels
before = w.token_management.get_permissions()
assert before.access_control_list[0].group_name == "users"
theirs = WorkspaceClient(host=HOST, token=behalf.token_value)
theirs.tokens.create(comment="mine")
w.token_management.set_permissions(access_control_list=[])
refused(PermissionDenied, lambda: theirs.tokens.create(comment="more"), "may not make tokens")
w.token_management.update_permissions(access_control_list=use)
theirs.tokens.create(comment="more")


# Endpoints.
def entity(name, **block):
    model = serving.ExternalModel(
        name="databricks-dbrx-instruct",
        provider=serving.ExternalModelProvider.OPENAI,
        task="llm/v1/chat",
        openai_config=serving.OpenAiConfig(
            openai_api_key=f"{{{{secrets/{SCOPE}/key}}}}",
            openai_api_base=f"{HOST}/serving-endpoints",
        ),
    )
    return serving.ServedEntityInput(name=name, external_model=model)


config = serving.EndpointCoreConfigInput(name=NAME, served_entities=[entity("one")])
ready = w.serving_endpoints.create_and_wait(NAME, config=config)
assert ready.state.ready is serving.EndpointStateReady.READY, ready
other = w.serving_endpoints.create("sdk-other", config=config).result()
assert NAME in [each.name for each in w.serving_endpoints.list()]
found = w.serving_endpoints.get(NAME)
w.serving_endpoints.wait_get_serving_endpoint_not_updating(NAME)
answer = w.serving_endpoints.query(NAME, messages=HELLO, temperature=0)
assert "MLflow" in answer.choices[0].message.content, answer
assert answer.served_model_name == "one", answer
opened = w.serving_endpoints.get_open_ai_client()
reply = opened.chat.completions.create(
    model=NAME, messages=[{"role": "user", "content": "What is MLflow?"}], temperature=0
)
assert "MLflow" in reply.choices[0].message.content
chat = w.serving_endpoints.get_langchain_chat_open_ai_client(NAME)
assert "MLflow" in chat.invoke("What is MLflow?").content
assert b"openapi" in w.serving_endpoints.get_open_api(NAME).contents.read()
assert b"request_count_total" in w.serving_endpoints.export_metrics(NAME).contents.read()
assert w.serving_endpoints.update_config_and_wait(NAME, served_entities=[entity("two")])
w.serving_endpoints.update_config(NAME, served_entities=[entity("three")]).result()
tags = w.serving_endpoints.patch(NAME, add_tags=[serving.EndpointTag("team", "a")])
assert tags.tags[0].key == "team", tags
limits = [
    serving.RateLimit(calls=1000, renewal_period=serving.RateLimitRenewalPeriod.MINUTE),
]
assert w.serving_endpoints.put(NAME, rate_limits=limits).rate_limits[0].calls == 1000
tracking = serving.AiGatewayUsageTrackingConfig(enabled=True)
stored = w.serving_endpoints.put_ai_gateway(NAME, usage_tracking_config=tracking)
assert stored.usage_tracking_config.enabled
refused(
    NotImplemented,
    lambda: w.serving_endpoints.update_notifications(
        NAME, email_notifications=serving.EmailNotifications(on_update_failure=["a@b.c"])
    ),
    "email_notifications",
)
w.serving_endpoints.update_notifications(NAME)
refused(
    (NotImplemented, BadRequest),
    lambda: w.serving_endpoints.patch_telemetry_config(NAME),
    "",
)
for logs in (w.serving_endpoints.logs, w.serving_endpoints.build_logs):
    refused(
        (InvalidParameterValue, NotFound, BadRequest), lambda logs=logs: logs(NAME, "three"), ""
    )
levels = w.serving_endpoints.get_permission_levels(found.id).permission_levels
assert len(levels) == 3
caller = grants(
    serving.ServingEndpointAccessControlRequest,
    "CAN_QUERY",
    service_principal_name=robot.application_id,
)
refused(ResourceDoesNotExist, lambda: theirs.serving_endpoints.get(NAME), "does not exist")
w.serving_endpoints.set_permissions(found.id, access_control_list=caller)
w.serving_endpoints.update_permissions(found.id, access_control_list=caller)
assert len(w.serving_endpoints.get_permissions(found.id).access_control_list) == 3
assert theirs.serving_endpoints.query(NAME, messages=HELLO, max_tokens=4).choices
refused(PermissionDenied, lambda: theirs.serving_endpoints.delete(NAME), "CAN_MANAGE")
everyone = grants(iam.AccessControlRequest, "CAN_VIEW", group_name="users")
w.permissions.get("serving-endpoints", found.id)
w.permissions.get_permission_levels("serving-endpoints", found.id)
w.permissions.set("serving-endpoints", found.id, access_control_list=everyone)
w.permissions.update("serving-endpoints", found.id, access_control_list=everyone)
refused(
    PermissionDenied,
    lambda: theirs.serving_endpoints.query(NAME, messages=HELLO),
    "does not have CAN_QUERY",
)
refused(
    ResourceAlreadyExists,
    lambda: w.serving_endpoints.create(NAME, config=config),
    "already exists",
)
many = [entity(f"e{number}") for number in range(10)]
all_to_one = serving.TrafficConfig(
    routes=[serving.Route(served_model_name="e0", traffic_percentage=100)]
)


def update_without_pause():
    for _ in range(50):
        w.serving_endpoints.update_config(NAME, served_entities=many, traffic_config=all_to_one)


refused(ResourceConflict, update_without_pause, "is being updated")
refused(ResourceDoesNotExist, lambda: w.serving_endpoints.get("nothing"), "does not exist")
stranger = WorkspaceClient(host=HOST, token="wrong")
refused(PermissionDenied, lambda: stranger.serving_endpoints.get(NAME), "Invalid access token")
w.serving_endpoints.delete(NAME)
w.serving_endpoints.delete("sdk-other")

refused(
    NotImplemented,
    lambda: w.serving_endpoints.http_request(
        "connection", serving.ExternalFunctionRequestHttpMethod.GET, "/"
    ),
    "not implemented",
)

# Clusters.
assert CLUSTER in [each.cluster_id for each in w.clusters.list()]
assert w.clusters.get(CLUSTER).state is compute.State.RUNNING
w.clusters.ensure_cluster_is_running(CLUSTER)
attach = grants(compute.ClusterAccessControlRequest, "CAN_ATTACH_TO", group_name="users")
assert w.clusters.get_permission_levels(CLUSTER).permission_levels
w.clusters.set_permissions(CLUSTER, access_control_list=attach)
w.clusters.update_permissions(CLUSTER, access_control_list=attach)
assert w.clusters.get_permissions(CLUSTER).object_type == "cluster"
assert theirs.clusters.get(CLUSTER).cluster_id == CLUSTER
w.clusters.set_permissions(CLUSTER, access_control_list=[])
refused(ResourceDoesNotExist, lambda: theirs.clusters.get(CLUSTER), "does not exist")
refused(NotImplemented, lambda: w.clusters.start(CLUSTER), "not implemented")

# Identities.
anna = w.users.create(user_name="anna.sdk@example.com", display_name="Anna")
assert w.users.get(anna.id).user_name == "anna.sdk@example.com"
listed = w.users.list(filter='userName eq "anna.sdk@example.com"', count=1)
assert [each.id for each in listed] == [anna.id]
away = iam.Patch(op=iam.PatchOp.REPLACE, path="displayName", value="Anna A.")
w.users.patch(
    anna.id,
    operations=[away],
    schemas=PATCH,
)
w.users.update(anna.id, user_name="anna.sdk@example.com", display_name="Anna", active=True)
may = iam.Patch(op=iam.PatchOp.ADD, path="entitlements", value=[{"value": "allow-cluster-create"}])
w.users.patch(anna.id, operations=[may], schemas=PATCH)
assert [each.value for each in w.users.get(anna.id).entitlements] == ["allow-cluster-create"]
team = w.groups.create(display_name="sdk-team", members=[iam.ComplexValue(value=anna.id)])
assert [each.value for each in w.groups.get(team.id).members] == [anna.id]
assert team.id in [each.id for each in w.groups.list()]
add = iam.Patch(op=iam.PatchOp.ADD, path="members", value=[{"value": robot.id}])
w.groups.patch(
    team.id,
    operations=[add],
    schemas=PATCH,
)
assert len(w.groups.get(team.id).members) == 2
w.groups.update(team.id, display_name="sdk-team", members=[])
assert not w.groups.get(team.id).members
refused(ResourceConflict, lambda: w.groups.create(display_name="sdk-team"), "already exists")
assert w.service_principals.get(robot.id).application_id == robot.application_id
assert robot.id in [each.id for each in w.service_principals.list()]
w.service_principals.update(
    robot.id, application_id=robot.application_id, display_name="R", active=True
)
rename = iam.Patch(op=iam.PatchOp.REPLACE, path="displayName", value="Robot")
w.service_principals.patch(
    robot.id,
    operations=[rename],
    schemas=PATCH,
)
secret = w.service_principal_secrets_proxy.create(robot.id, lifetime="3600s")
assert [each.id for each in w.service_principal_secrets_proxy.list(robot.id)] == [secret.id]
del os.environ["DATABRICKS_TOKEN"]
logged_in = WorkspaceClient(host=HOST, client_id=robot.application_id, client_secret=secret.secret)
assert logged_in.current_user.me().user_name == robot.application_id
w.service_principal_secrets_proxy.delete(robot.id, secret.id)
refused(PermissionDenied, logged_in.current_user.me, "Invalid access token")
basic = WorkspaceClient(host=HOST, username="token", password=TOKEN)
assert basic.current_user.me().id == me.id
w.groups.delete(team.id)
w.users.delete(anna.id)
refused(NotFound, lambda: w.users.get(anna.id), "does not exist")

w.token_management.delete(behalf_id)
refused(PermissionDenied, theirs.current_user.me, "Invalid access token")
w.tokens.delete(token_id)
refused(ResourceDoesNotExist, lambda: w.tokens.delete(token_id), "does not exist")
w.service_principals.delete(robot.id)
w.secrets.delete_scope(SCOPE)
calls.passed()
