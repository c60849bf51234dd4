"""EZKL behind one class: settings, keys, witness, proof; nothing else imports it.

Every step reads and writes files of one folder. What matters is chosen here: `fixed` parameters
(with others, a proof made with other weights verifies), scales of zero, decomposition in base 128
with four legs, one inner column and the least circuit that fits: the cheapest to verify.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ezkl

from counterpoise.core.errors import InputError, StorageError, VerificationError

VERSION = "23.0.5"
BASE, LEGS, INNER_COLUMNS = 128, 4, 1
BLINDING = 16  # rows of a circuit that hold no values
LARGEST = 20  # log2 of rows
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617

logging.getLogger("ezkl").setLevel(logging.ERROR)


class Circuit:
    """One model's circuit in a folder.

    Parameters
    ----------
    folder :
        Where ``model.onnx``, ``settings.json`` and the keys lie.
    srs :
        The structured reference string, as EZKL reads it.
    """

    def __init__(self, folder: Path, srs: Path) -> None:
        self.folder, self.srs = folder, srs

    def at(self, name: str) -> str:
        """Give the path of one of its files."""
        return str(self.folder / name)

    def write_settings(self) -> int:
        """Choose the least circuit for ``model.onnx``, write its settings; gives log2 of its rows.

        Raises
        ------
        InputError :
            It would have more than 2**20 rows.
        """
        rows = self._write_settings(LARGEST)
        needed = max([rows["num_rows"], *(high - low for low, high in rows["ranges"])]) + BLINDING
        logrows = int(max(needed - 1, 1)).bit_length()
        if logrows > LARGEST:
            raise InputError(f"a circuit of {needed} rows, at most 2**{LARGEST} wanted")
        self._write_settings(logrows)
        return logrows

    def _write_settings(self, logrows: int) -> dict[str, Any]:
        arguments: Any = ezkl.PyRunArgs()
        arguments.input_visibility = arguments.output_visibility = "public"
        arguments.param_visibility = "fixed"
        arguments.decomp_base, arguments.decomp_legs = BASE, LEGS
        arguments.num_inner_cols = INNER_COLUMNS
        arguments.input_scale = arguments.param_scale = 0
        arguments.logrows = logrows
        _run(
            ezkl.gen_settings,
            self.at("model.onnx"),
            self.at("settings.json"),
            py_run_args=arguments,
        )
        made = json.loads((self.folder / "settings.json").read_text())
        return {"num_rows": made["num_rows"], "ranges": made["required_range_checks"]}

    def make_keys(self) -> list[bytes]:
        """Make circuit and keys from the settings that lie there; gives the words of the key.

        The same settings give the same keys; what is compiled on the way differs each time.
        """
        compiled, settings = self.at("circuit"), self.at("settings.json")
        _run(ezkl.compile_circuit, self.at("model.onnx"), compiled, settings)
        _run(ezkl.setup, compiled, self.at("vk"), self.at("pk"), str(self.srs))
        _run(ezkl.create_evm_vka, self.at("vk"), settings, self.at("vka"), str(self.srs))
        data = (self.folder / "vka").read_bytes()
        count = int.from_bytes(data[:8], "little")
        if len(data) != 8 + 32 * count:
            raise StorageError(f"a key of {len(data)} bytes that announces {count} words")
        return [data[at : at + 32] for at in range(8, len(data), 32)]

    def witness(self, values: bytes) -> list[int]:
        """Compute the logits as the circuit does, without a proof."""
        (self.folder / "input.json").write_text(json.dumps({"input_data": [list(values)]}))
        _run(ezkl.gen_witness, self.at("input.json"), self.at("circuit"), self.at("witness.json"))
        made = json.loads((self.folder / "witness.json").read_text())
        return [element(one) for column in made["outputs"] for one in column]

    def prove(self, values: bytes) -> tuple[list[int], bytes]:
        """Give the logits that the circuit computes from bytes, and the proof."""
        logits = self.witness(values)
        witness, proof = self.at("witness.json"), self.at("proof.json")
        _run(ezkl.prove, witness, self.at("circuit"), self.at("pk"), proof, str(self.srs))
        made = json.loads((self.folder / "proof.json").read_text())
        public = [element(one) for column in made["instances"] for one in column]
        if public != [*values, *logits]:
            raise VerificationError("the circuit proves other values than it was given")
        return logits, bytes(made["proof"])

    def verify(self, values: Sequence[int], logits: Sequence[int], proof: bytes) -> bool:
        """Tell whether a proof is true for these public values."""
        public = [*values, *logits]
        if any(not -(2**31) <= one < 2**31 for one in public):
            return False
        made = {
            "protocol": None,
            "instances": [[(one % R).to_bytes(32, "little").hex() for one in public]],
            "proof": list(proof),
            "hex_proof": "0x" + proof.hex(),
            "split": None,
            "pretty_public_inputs": None,
            "timestamp": None,
            "version": VERSION,
        }
        (self.folder / "checked.json").write_text(json.dumps(made))
        try:
            settings, key = self.at("settings.json"), self.at("vk")
            return bool(_run(ezkl.verify, self.at("checked.json"), settings, key, str(self.srs)))
        except InputError:
            return False


def write_development_srs(path: Path, logrows: int) -> None:
    """Make an SRS whose maker knows its secret and so can forge any proof under it."""
    _run(ezkl.gen_srs, str(path), logrows)


def write_verifier_source(circuit: Circuit, path: Path) -> None:
    """Write the Solidity of the reusable verifier, the same for every circuit.

    EZKL then looks for a compiler on the network; that it finds none is no matter.
    """
    try:
        _run(
            ezkl.create_evm_verifier,
            circuit.at("vk"),
            circuit.at("settings.json"),
            str(path),
            circuit.at("verifier.abi"),
            str(circuit.srs),
            reusable=True,
        )
    except InputError:
        if not path.is_file():
            raise


def element(text: str) -> int:
    """Read a field element as EZKL writes it, little-endian hex; the upper half is negative."""
    value = int.from_bytes(bytes.fromhex(text), "little")
    return value if value < R // 2 else value - R


def _run(step: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Run one step of EZKL; some give an awaitable, which must be made inside a running loop."""

    async def run() -> Any:
        made = step(*args, **options)
        return await made if inspect.isawaitable(made) else made

    try:
        return asyncio.run(run())
    except RuntimeError as error:
        raise InputError(f"EZKL: {step.__name__} failed: {error}") from None
