"""Builds the reusable Halo2 verifier: Solidity that EZKL writes, compiled by solc 0.8.20 on Node.

Its bytecode is not shipped: EZKL's wheel names no licence, though the Solidity it writes says MIT.
What is shipped are the digests of source and code: what is built anywhere is what was tested.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from counterpoise.chain import Artifact
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, MissingExtra, VerificationError

NAME = "Halo2VerifierReusable"
SOURCE = "b426d5f31e2f9d327baac7d9415dd135df06a6d2628f971ae7446c4bffbcd80f"
"""SHA-256 of the Solidity that EZKL 23.0.5 writes, the same for every circuit."""

COMPILE = """
const solc = require(process.argv[1]), source = require('fs').readFileSync(0, 'utf8');
const wanted = ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'];
const settings = {optimizer: {enabled: true, runs: 1}, metadata: {bytecodeHash: 'none'},
  evmVersion: 'shanghai', outputSelection: {v: {[process.argv[2]]: wanted}}};
const sources = {v: {content: source}};
console.log(solc.compile(JSON.stringify({language: 'Solidity', sources, settings})));
"""


def compile_verifier(source: bytes, solc: Path) -> Artifact:
    """Compile the verifier's source with the npm package solc 0.8.20.

    Raises
    ------
    VerificationError :
        The source is not the one that was tested.
    MissingExtra :
        Node is not installed.
    """
    if sha256(source).hex() != SOURCE:
        raise VerificationError(
            f"EZKL wrote a verifier with the digest {sha256(source).hex()}, {SOURCE} was tested",
            hint="install ezkl==23.0.5",
        )
    try:
        done = subprocess.run(
            ["node", "-e", COMPILE, str(solc.resolve()), NAME],
            input=source,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise MissingExtra("node", extra="zk") from None
    if done.returncode:
        raise InputError(
            f"solc at {solc} failed: {done.stderr.decode(errors='replace').strip()[-200:]}",
            hint="make zk",
        )
    made: dict[str, Any] = json.loads(done.stdout)["contracts"]["v"][NAME]
    runtime = bytes.fromhex(made["evm"]["deployedBytecode"]["object"])
    code = bytes.fromhex(made["evm"]["bytecode"]["object"])
    return Artifact(NAME, tuple(made["abi"]), code, runtime, sha256(source), {})
