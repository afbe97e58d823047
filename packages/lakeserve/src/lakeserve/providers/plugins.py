"""Providers of third parties, which join through the entry-point group ``lakeserve.providers``."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from lakeserve.core.external_models import FORMS as OWN_FORMS
from lakeserve.core.external_models import ProviderForm
from lakeserve.providers.base import Provider

GROUP = "lakeserve.providers"

logger = logging.getLogger(__name__)


def _no_options(block: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class ProviderPlugin:
    """What an entry point of the group leads to; its name is the provider's.

    Attributes:
        form: What the provider's block of a configuration may hold. It needs a single secret.
        translation: The dialect of its models.
        address: Of the models of a block: ``http[s]://HOST[:PORT][/PATH]``.
        options: What else the translation needs to know of a block, as ``Target.options``.
    """

    form: ProviderForm
    translation: Provider
    address: Callable[[Mapping[str, Any]], str]
    options: Callable[[Mapping[str, Any]], Mapping[str, str]] = _no_options


def found(points: Iterable[metadata.EntryPoint]) -> Mapping[str, ProviderPlugin]:
    """The usable ones; the others are told in the log, for one of them must not stop the rest."""
    plugins: dict[str, ProviderPlugin] = {}
    for point in points:
        try:
            plugin = point.load()
        except Exception:
            logger.exception("provider %r of %s cannot be loaded", point.name, point.value)
            continue
        blocks = {form.block for form in OWN_FORMS.values()}
        if not isinstance(plugin, ProviderPlugin):
            logger.error("provider %r: %s is no ProviderPlugin", point.name, point.value)
        elif point.name in OWN_FORMS or point.name in plugins or plugin.form.block in blocks:
            logger.error("provider %r of %s: the name is taken", point.name, point.value)
        else:
            plugins[point.name] = plugin
    return plugins


PLUGINS = found(metadata.entry_points(group=GROUP))

# What the block of every provider may hold.
FORMS: Mapping[str, ProviderForm] = {
    **OWN_FORMS,
    **{name: plugin.form for name, plugin in PLUGINS.items()},
}
