"""What authorizes the requests of an external model, where its secret alone does not."""

from collections.abc import Mapping

from lakeserve.core.endpoints import ExternalModel
from lakeserve.core.external_models import is_signed
from lakeserve.core.signing import RequestSigner
from lakeserve.reconcile.credentials.aws import AwsSignatures
from lakeserve.reconcile.credentials.entra import AUTHORITY, SCOPE, entra_tokens
from lakeserve.reconcile.credentials.google import google_tokens


def signer(model: ExternalModel, values: Mapping[str, str]) -> RequestSigner | None:
    """The model's signer, or None where its secret is sent as it is.

    Imports the vendor's library, which takes a while: call it in a thread.

    Args:
        model: What is deployed.
        values: Its secrets, by field.

    Raises:
        ConfigurationError: A secret is unusable, or the library is not installed.
    """
    if not is_signed(model):
        return None
    options = model.options
    if model.provider == "google-cloud-vertex-ai":
        return google_tokens(values["private_key"])
    if model.provider == "amazon-bedrock":
        return AwsSignatures(
            values["aws_access_key_id"], values["aws_secret_access_key"], options["aws_region"]
        )
    return entra_tokens(
        options["microsoft_entra_client_id"],
        values["microsoft_entra_client_secret"],
        options["microsoft_entra_tenant_id"],
        options.get("microsoft_entra_authority") or AUTHORITY,
        options.get("microsoft_entra_scope") or SCOPE,
    )
