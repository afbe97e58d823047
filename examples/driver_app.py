"""The driver app of the page "Databricks" (LLM), with the demo model behind it.

A program on a cluster's driver node serves a model at ``/``: a JSON object with ``prompt`` and
``stop`` comes in, a JSON string goes out.
"""

from collections.abc import Sequence
from typing import Any

import xllamacpp
from flask import Flask, Response, jsonify, request
from lakeserve_demo_model import model_path

PORT = 7777


def load() -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = str(model_path())
    params.n_ctx = 2048
    params.n_parallel = 1
    params.verbosity = 0
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(params)


model = load()


def llm(
    prompt: str, stop: Sequence[str] | None = None, temperature: float = 0.0, **kwargs: Any
) -> str:
    reply = model.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": prompt}],
            "stop": list(stop or []),
            "temperature": temperature,
            "max_tokens": 256,
            **kwargs,
        }
    )
    text: str = reply["choices"][0]["message"]["content"]
    return text


app = Flask("dolly")


@app.route("/", methods=["POST"])
def serve_llm() -> Response:
    return jsonify(llm(**request.json))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=PORT)
