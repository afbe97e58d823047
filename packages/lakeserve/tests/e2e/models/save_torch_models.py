"""Save models of torch: ``save_torch_models.py DIRECTORY``, where MLflow and torch are."""

import logging
import sys
import warnings
from pathlib import Path

import mlflow
import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, pre_tokenizers, trainers
from tokenizers.models import WordLevel

SPECIAL = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def network() -> torch.nn.Module:
    """The first number plus twice the second."""
    linear = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 2.0]]))
    return torch.nn.Sequential(linear)


def classifier() -> transformers.Pipeline:
    """A classifier of texts with random weights."""
    words = Tokenizer(WordLevel(unk_token=SPECIAL["unk_token"]))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=list(SPECIAL.values()))
    words.train_from_iterator(["good day bad night"], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, **SPECIAL)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        id2label={0: "night", 1: "day"},
    )
    model = transformers.BertForSequenceClassification(config)
    return transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)


def main(directory: Path) -> None:
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    pins = {"pip_requirements": [f"mlflow=={mlflow.__version__}"]}
    example = np.array([[1.0, 1.0], [2.0, 0.5]], dtype=np.float32)
    mlflow.pytorch.save_model(network(), directory / "network", input_example=example, **pins)
    mlflow.transformers.save_model(classifier(), directory / "classifier", **pins)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("saved")
