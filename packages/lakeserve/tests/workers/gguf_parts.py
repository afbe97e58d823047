"""GGUF adapters and projectors with random weights, and a small picture."""

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import gguf
import numpy as np


def write_lora(path: Path, model: Path, strength: float = 1.0, rank: int = 4) -> Path:
    """A LoRA adapter for a model; with a strength of 1 the model talks nonsense."""
    shapes = {tensor.name: tensor.shape for tensor in gguf.GGUFReader(model).tensors}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    random = np.random.default_rng(0)
    for name in ("blk.0.attn_q.weight", "blk.1.attn_v.weight"):
        width, height = (int(size) for size in shapes[name])
        for suffix, shape in (("lora_a", (rank, width)), ("lora_b", (height, rank))):
            values = (random.standard_normal(shape) * strength).astype(np.float32)
            writer.add_tensor(f"{name}.{suffix}", values)
    _close(writer)
    return path


def write_projector(path: Path, dimensions: int) -> Path:
    """A vision encoder of one layer for pictures of 32 x 32 points."""
    width, inner, patch, side = 32, 64, 8, 32
    writer = gguf.GGUFWriter(path, "clip")
    _add_vision(writer, dimensions, width, inner, patch, side)
    random = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.05).astype(np.float32))

    add("v.class_embd", width)
    add("v.patch_embd.weight", width, 3, patch, patch)
    add("v.position_embd.weight", (side // patch) ** 2 + 1, width)
    for name, shape in _layers(width, inner, dimensions).items():
        add(f"{name}.weight", *shape)
        add(f"{name}.bias", shape[0])
    _close(writer)
    return path


def picture() -> str:
    """A PNG of 32 x 32 points as a ``data:`` URL."""
    side = 32
    rows = b"".join(
        b"\0" + b"".join(bytes([row * 7 % 256, column * 5 % 256, 99]) for column in range(side))
        for row in range(side)
    )
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows))
    return "data:image/png;base64," + base64.b64encode(png + _chunk(b"IEND", b"")).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _add_vision(
    writer: Any, dimensions: int, width: int, inner: int, patch: int, side: int
) -> None:
    writer.add_type("mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", False)
    writer.add_string("clip.projector_type", "mlp")
    for key, value in {
        "image_size": side,
        "patch_size": patch,
        "embedding_length": width,
        "feed_forward_length": inner,
        "projection_dim": dimensions,
        "block_count": 1,
        "attention.head_count": 2,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])


def _layers(width: int, inner: int, dimensions: int) -> dict[str, tuple[int, ...]]:
    norms = {f"v.{name}": (width,) for name in ("pre_ln", "post_ln", "blk.0.ln1", "blk.0.ln2")}
    names = ("attn_q", "attn_k", "attn_v", "attn_out")
    attention = {f"v.blk.0.{name}": (width, width) for name in names}
    return {
        **norms,
        **attention,
        "v.blk.0.ffn_down": (inner, width),
        "v.blk.0.ffn_up": (width, inner),
        "mm.0": (dimensions, width),
        "mm.2": (dimensions, dimensions),
    }


def _close(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
