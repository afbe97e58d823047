"""Finds the classifier that the operator names: packages offer theirs as entry points."""

from importlib.metadata import entry_points

from lakeserve.core.errors import ConfigurationError
from lakeserve.core.guardrails import Classifier

GROUP = "lakeserve.classifiers"


def load_classifier(name: str) -> Classifier:
    """The classifier of that name, made by calling what the entry point names.

    Raises:
        ConfigurationError: No installed package offers it, or it cannot be made.
    """
    offered = entry_points(group=GROUP)
    if name not in offered.names:
        accepted = ", ".join(sorted(offered.names)) or f"none is installed (entry points {GROUP!r})"
        raise ConfigurationError(f"guardrail_classifier: {name!r} is unknown; accepted: {accepted}")
    try:
        made = offered[name].load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"guardrail_classifier: {name!r} cannot be loaded: {error}"
        ) from None
    if not callable(getattr(made, "classify", None)):
        raise ConfigurationError(f"guardrail_classifier: {name!r} has no method 'classify'")
    classifier: Classifier = made
    return classifier
