"""Documented parts of an endpoint that would be stored without effect: refused by their name."""

from lakeserve.core.ai_gateway import AiGateway, GuardrailRules
from lakeserve.core.errors import NotBuilt
from lakeserve.storage.payloads import check_installed


def refuse(feature: str) -> NotBuilt:
    """The error that names a feature."""
    return NotBuilt(f"{feature} is not implemented in this version of lakeserve.")


def check_enforced(block: AiGateway | None, where: str) -> None:
    """Accept a block of which every part is enforced.

    Raises:
        NotBuilt: It turns on what is not enforced yet, or what needs packages that are not here.
    """
    if block is not None and block.payload_table is not None and block.payload_table.enabled:
        check_installed()
    for direction in ("input", "output"):
        rules = getattr(block, f"{direction}_rules", None)
        if rules not in (None, GuardrailRules()):
            raise NotBuilt(
                f"Guardrails ('{where}guardrails.{direction}') cannot be enforced by this version"
                " of lakeserve, so they are not stored either."
            )
