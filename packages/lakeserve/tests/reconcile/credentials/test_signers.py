import sys
from typing import Any

import pytest
from lakeserve.core.endpoints import ExternalModel
from lakeserve.core.errors import ConfigurationError
from lakeserve.reconcile.credentials.aws import AwsSignatures
from lakeserve.reconcile.credentials.signers import signer
from lakeserve.reconcile.credentials.tokens import BearerTokens
from token_services import TokenService

ENTRA = {
    "openai_api_type": "azuread",
    "microsoft_entra_client_id": "c",
    "microsoft_entra_tenant_id": "t",
}
BEDROCK = ExternalModel("amazon-bedrock", "m", {"aws_region": "us-east-1"})
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
VERTEX = ExternalModel("google-cloud-vertex-ai", "m", {})
AZURE = ExternalModel("openai", "m", ENTRA)


def test_each_model_has_the_signer_that_it_needs() -> None:
    assert isinstance(signer(BEDROCK, KEYS), AwsSignatures)
    assert isinstance(signer(VERTEX, {"private_key": TokenService().key_file()}), BearerTokens)
    assert isinstance(signer(AZURE, {"microsoft_entra_client_secret": "s"}), BearerTokens)
    for provider in ("openai", "anthropic", "cohere", "custom"):
        assert signer(ExternalModel(provider, "m", {}), {"key": "k"}) is None


@pytest.mark.parametrize(
    ("model", "values", "package", "extra"),
    [
        (BEDROCK, KEYS, "botocore.auth", "bedrock"),
        (VERTEX, {"private_key": "{}"}, "google.auth.exceptions", "vertex"),
        (AZURE, {"microsoft_entra_client_secret": "s"}, "msal", "entra"),
    ],
)
def test_a_missing_library_is_named(
    model: ExternalModel,
    values: dict[str, str],
    package: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    modules: dict[str, Any] = {package: None}  # what Python notes of modules that do not exist
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(ConfigurationError, match=rf"pip install 'lakeserve\[{extra}\]'"):
        signer(model, values)
