"""Checks of the ``external_model`` block. Pure; what it says never holds a secret."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lakeserve.control.endpoints.bodies import is_storable
from lakeserve.control.endpoints.requests import ExternalModelInput
from lakeserve.core.endpoints import ExternalModel
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.external_models import (
    BEDROCK_PROVIDERS,
    OPENAI_API_TYPES,
    PLAINTEXT,
    ProviderForm,
    option,
    translation_name,
)
from lakeserve.providers.plugins import FORMS
from lakeserve.providers.table import PROVIDERS

LONGEST_NAME = 256

REFERENCE = re.compile(r"\{\{\s*secrets/[A-Za-z0-9_.@/-]+/[A-Za-z0-9_.@-]+\s*\}\}")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# These belong to the gateway.
_OWN_HEADERS = {"host", "content-length", "content-type", "transfer-encoding", "connection"}
_AZURE_NEEDS = ("openai_api_base", "openai_deployment_name", "openai_api_version")


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked model whose plaintext secrets are still to be sealed.

    Attributes:
        plaintexts: By the dotted name of their field, without ``_plaintext``.
    """

    model: ExternalModel
    plaintexts: Mapping[str, str] = field(repr=False)


def draft(given: ExternalModelInput, where: str) -> Draft:
    """What a block means.

    Args:
        given: The block.
        where: Its dotted place in the body, for messages.

    Raises:
        InvalidParameter: A field is unknown, missing or refused.
        NotBuilt: The provider is documented, but cannot be translated yet.
    """
    form = FORMS.get(given.provider)
    if form is None:
        raise _refused(f"{where}.provider", given.provider, ", ".join(FORMS))
    if not 1 <= len(given.name) <= LONGEST_NAME or not given.name.isprintable():
        accepted = f"the model's name at the provider, 1 to {LONGEST_NAME} printable characters"
        raise _refused(f"{where}.name", given.name[:LONGEST_NAME], accepted)
    if given.task not in form.tasks:
        raise _refused(f"{where}.task", given.task, ", ".join(form.tasks))
    _check_other_blocks(given, form, where)
    block = getattr(given, form.block, None)
    place = f"{where}.{form.block}"
    if not isinstance(block, dict):
        raise InvalidParameter(f"Field '{place}' is required and must be an object.")
    values = _flat(block, form, place)
    _check_secrets(values, form, place)
    _check_fields(values, form, place)
    if given.provider in _CHECKS:
        _CHECKS[given.provider](values, place)
    plaintexts = {
        name.removesuffix(PLAINTEXT): value
        for name, value in values.items()
        if name.endswith(PLAINTEXT)
    }
    shown = {name: value for name, value in values.items() if not name.endswith(PLAINTEXT)}
    model = ExternalModel(given.provider, given.name, _nested(shown))
    if translation_name(model) not in PROVIDERS:
        raise NotBuilt(
            f"External models of the provider '{translation_name(model)}' are not implemented in"
            " this version of lakeserve."
        )
    return Draft(model, plaintexts)


def references(model: ExternalModel) -> tuple[str, ...]:
    """The secret references that a model holds."""
    found = (option(model.options, name) for name in FORMS[model.provider].secrets)
    return tuple(value for value in found if isinstance(value, str))


def _check_other_blocks(given: ExternalModelInput, form: ProviderForm, where: str) -> None:
    for other in FORMS.values():
        if other.block != form.block and getattr(given, other.block, None) is not None:
            raise InvalidParameter(
                f"Field '{where}.{other.block}' does not belong to the provider"
                f" '{given.provider}'; accepted: '{form.block}'."
            )
    for name in given.model_extra or ():
        if name != form.block:
            raise InvalidParameter(f"Unknown field '{where}.{name}'.")


def _flat(block: Mapping[str, Any], form: ProviderForm, place: str) -> dict[str, str]:
    """The block's fields by dotted name; absent is what null is."""
    objects = {name.partition(".")[0] for name in form.fields if "." in name}
    values: dict[str, str] = {}
    for name, value in block.items():
        nested = name in objects and isinstance(value, dict)
        inner = {f"{name}.{key}": each for key, each in value.items()} if nested else {name: value}
        for dotted, each in inner.items():
            if dotted not in form.fields:
                accepted = ", ".join(form.fields)
                raise InvalidParameter(f"Unknown field '{place}.{dotted}'; accepted: {accepted}.")
            if each is None:
                continue
            if not isinstance(each, str) or not each:
                raise InvalidParameter(f"Field '{place}.{dotted}' must be a text.")
            if not _is_usable(dotted, each):
                raise InvalidParameter(
                    f"Field '{place}.{dotted}' holds a line break or another character that"
                    " cannot be sent."
                )
            values[dotted] = each
    return values


def _is_usable(name: str, value: str) -> bool:
    """Whether a value can be stored and sent; a private key is a text of several lines."""
    of_lines = name.startswith("private_key")
    return is_storable(value) and (of_lines or value.isprintable())


def _nested(values: Mapping[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in values.items():
        outer, dot, inner = name.partition(".")
        if dot:
            result.setdefault(outer, {})[inner] = value
        else:
            result[name] = value
    return result


def _check_secrets(values: Mapping[str, str], form: ProviderForm, place: str) -> None:
    for name in form.secrets:
        if name in values and name + PLAINTEXT in values:
            raise InvalidParameter(
                f"Fields '{place}.{name}' and '{place}.{name}{PLAINTEXT}' exclude each other;"
                " give exactly one."
            )
        if name in values and not REFERENCE.fullmatch(values[name]):
            raise InvalidParameter(
                f"Field '{place}.{name}' must be a reference of the form"
                " {{secrets/<scope>/<key>}};"
                f" the secret itself goes into '{place}.{name}{PLAINTEXT}'."
            )
    given = [choice for choice in form.choices if any(_has(values, name) for name in choice)]
    ways = " or ".join(" and ".join(_spelt(name, form) for name in each) for each in form.choices)
    if len(given) != 1:
        problem = "lacks its credential" if not given else "has more than one kind of credential"
        raise InvalidParameter(f"Field '{place}' {problem}; accepted: {ways}.")
    missing = [name for name in given[0] if not _has(values, name)]
    if missing:
        raise InvalidParameter(f"Field '{place}.{missing[0]}' is required; accepted: {ways}.")


def _has(values: Mapping[str, str], name: str) -> bool:
    return name in values or name + PLAINTEXT in values


def _spelt(name: str, form: ProviderForm) -> str:
    return f"'{name}' (or '{name}{PLAINTEXT}')" if name in form.secrets else f"'{name}'"


def _check_fields(values: Mapping[str, str], form: ProviderForm, place: str) -> None:
    for name in form.required:
        if name not in values:
            raise InvalidParameter(f"Field '{place}.{name}' is required.")
    for name in form.addresses:
        if name in values:
            _check_address(values[name], f"{place}.{name}", query="custom" in name)
    header = values.get("api_key_auth.key")
    if header is not None and (not _HEADER.fullmatch(header) or header.lower() in _OWN_HEADERS):
        raise _refused(f"{place}.api_key_auth.key", header, "the name of a request header")


def _check_address(value: str, place: str, *, query: bool) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    plain = value.isascii() and value.isprintable() and " " not in value
    if not usable or not plain or "@" in value or "#" in value or ("?" in value and not query):
        raise InvalidParameter(
            f"Field '{place}' is no usable address; accepted: http:// or https://, a host, and"
            " neither user, password" + (" nor fragment." if query else ", query nor fragment.")
        )


def _check_openai(values: Mapping[str, str], place: str) -> None:
    kind = values.get("openai_api_type", "openai")
    if kind not in OPENAI_API_TYPES:
        raise _refused(f"{place}.openai_api_type", kind, ", ".join(OPENAI_API_TYPES))
    if kind != "openai":
        for name in _AZURE_NEEDS:
            if name not in values:
                raise InvalidParameter(
                    f"Field '{place}.{name}' is required when openai_api_type is '{kind}'."
                )
    entra = any(name.startswith("microsoft_entra_") for name in values)
    if entra != (kind == "azuread"):
        raise InvalidParameter(
            f"Field '{place}': the fields microsoft_entra_* belong to openai_api_type 'azuread',"
            " and openai_api_key to the other types."
        )


def _check_bedrock(values: Mapping[str, str], place: str) -> None:
    given = values["bedrock_provider"]
    if given.lower() not in BEDROCK_PROVIDERS:
        raise _refused(f"{place}.bedrock_provider", given, ", ".join(BEDROCK_PROVIDERS))
    _check_region(values["aws_region"], f"{place}.aws_region")
    for name in ("instance_profile_arn", "uc_service_credential_name"):
        if name in values:
            raise NotBuilt(
                f"Field '{place}.{name}' is not implemented by this server; use aws_access_key_id"
                " and aws_secret_access_key."
            )


def _check_vertex(values: Mapping[str, str], place: str) -> None:
    _check_region(values["region"], f"{place}.region")


def _check_region(given: str, place: str) -> None:
    """A region becomes a part of a host's name."""
    if not _REGION.fullmatch(given):
        raise _refused(place, given, "small letters, digits and hyphens")


def _check_palm(values: Mapping[str, str], place: str) -> None:
    if "palm_api_base" not in values:
        raise InvalidParameter(
            "Provider 'palm' is retired upstream: Google has shut the PaLM API down; use"
            " 'google-cloud-vertex-ai'. A server that still speaks its protocol can be named in"
            f" '{place}.palm_api_base'."
        )


_CHECKS: Mapping[str, Callable[[Mapping[str, str], str], None]] = {
    "amazon-bedrock": _check_bedrock,
    "google-cloud-vertex-ai": _check_vertex,
    "openai": _check_openai,
    "palm": _check_palm,
}


def _refused(field_name: str, value: str, accepted: str) -> InvalidParameter:
    return InvalidParameter(f"Field '{field_name}' has the value {value!r}; accepted: {accepted}.")
