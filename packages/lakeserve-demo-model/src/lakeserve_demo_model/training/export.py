"""Writes a trained network with its tokenizer and chat template to a GGUF file."""

import json
import os
from pathlib import Path

import gguf
import numpy
from tokenizers import Tokenizer
from torch import Tensor

from lakeserve_demo_model.shipped import MODEL_NAME
from lakeserve_demo_model.training.network import Network, Shape
from lakeserve_demo_model.training.template import CHAT_TEMPLATE
from lakeserve_demo_model.training.tokenizer import (
    CONTROL_TOKENS,
    END_OF_TEXT,
    GGUF_PRE_TOKENIZER,
    MARKUP_TOKENS,
    TURN_END,
    token_id,
)

DESCRIPTION = (
    "Tiny demonstration model, trained from nothing on a small set of questions and answers. "
    "Not for real use."
)
# Where a request names no temperature: a model this small says nonsense at 1, the usual default.
TEMPERATURE = 0.2
_BLOCK_NAMES = {
    "attention_norm": "attn_norm",
    "attention.q": "attn_q",
    "attention.k": "attn_k",
    "attention.v": "attn_v",
    "attention.output": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "feed_forward.gate": "ffn_gate",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}


def tensor_name(parameter: str) -> str:
    """Return the GGUF name of a parameter of the network. Raises KeyError for unknown ones."""
    if parameter == "embedding.weight":
        return "token_embd.weight"
    if parameter == "norm.weight":
        return "output_norm.weight"
    _, number, inner = parameter.removesuffix(".weight").split(".", 2)
    return f"blk.{number}.{_BLOCK_NAMES[inner]}.weight"


def export_gguf(network: Network, tokenizer: Tokenizer, path: Path) -> None:
    """Write the model with 8-bit weights to `path`. The file appears there complete."""
    unfinished = path.with_name(path.name + ".part")
    writer = gguf.GGUFWriter(unfinished, "llama")
    _add_description(writer, network.shape)
    _add_tokenizer(writer, tokenizer)
    for name, parameter in network.named_parameters():
        _add_tensor(writer, tensor_name(name), parameter.detach())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(unfinished, path)


def _add_description(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_type("model")
    writer.add_name(MODEL_NAME)
    writer.add_description(DESCRIPTION)
    writer.add_license("apache-2.0")
    writer.add_languages(["en"])
    writer.add_sampling_temp(TEMPERATURE)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_value_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _token_type(token: str) -> gguf.TokenType:
    if token in CONTROL_TOKENS:
        return gguf.TokenType.CONTROL
    if token in MARKUP_TOKENS:
        return gguf.TokenType.USER_DEFINED
    return gguf.TokenType.NORMAL


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(GGUF_PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types([_token_type(token) for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_eos_token_id(token_id(tokenizer, TURN_END))
    writer.add_pad_token_id(token_id(tokenizer, END_OF_TEXT))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: Tensor) -> None:
    values = numpy.ascontiguousarray(tensor.float().numpy())
    if values.ndim == 1:
        writer.add_tensor(name, values)
        return
    kind = gguf.GGMLQuantizationType.Q8_0
    writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
