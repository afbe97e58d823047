"""The documentation's programs, run as they stand."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from strict_endpoint.server import StubServer

ROOT = Path(__file__).parents[4]
PAGES = [
    ROOT / "docs" / "chat_models.md",
    ROOT / "docs" / "embeddings.md",
    ROOT / "docs" / "llms.md",
    Path(__file__).parents[2] / "README.md",
]


def programs(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


# LangChain marks `loads` as beta.
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_programs_of_a_page_run(
    page: Path, server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tasks.update({"dolly": None, "my-text": "llm/v1/completions"})
    monkeypatch.setenv("DATABRICKS_HOST", server.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", server.token)

    async def run() -> None:
        names: dict[str, Any] = {"__name__": "page"}
        for number, program in enumerate(programs(page)):
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(program, f"{page.name}[{number}]", "exec", flags=flags)
            result = eval(code, names)
            if inspect.isawaitable(result):
                await result

    assert programs(page)
    asyncio.run(run())
