"""Record the compiler's trees of two small contracts of ours; run by hand where solc is.

``python tests/audit/trees/record.py``: the trees let tests run without a compiler.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from solidity_code import project  # noqa: E402

from counterpoise.audit.engines.solc_units import compilation  # noqa: E402

SOURCES = {
    "old": """pragma solidity ^0.4.24;

contract Purse {
    mapping(address => uint) balances;
    address owner;
    bool busy;

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    function take(uint amount) public {
        require(balances[msg.sender] >= amount);
        if (!msg.sender.call.value(amount)()) {
            throw;
        }
        balances[msg.sender] -= amount;
    }

    function guarded(uint amount) public {
        require(!busy);
        busy = true;
        require(balances[msg.sender] >= amount);
        require(msg.sender.call.value(amount)());
        balances[msg.sender] -= amount;
        busy = false;
    }

    function close() public onlyOwner {
        suicide(owner);
    }

    function open() public {
        selfdestruct(msg.sender);
    }
}
""",
    "new": """pragma solidity ^0.8.0;

library Sums {
    function more(uint left, uint right) internal pure returns (uint) {
        return left + right;
    }
}

contract Base {
    address internal owner;

    function check() internal view virtual {
        require(msg.sender == owner, "not the owner");
    }

    function end() external {
        check();
        selfdestruct(payable(owner));
    }
}

contract Tills is Base {
    using Sums for uint;
    struct Till {
        uint sum;
        address holder;
    }
    Till[] tills;
    uint total;

    function put(uint index) external payable {
        Till storage till = tills[index];
        till.sum = till.sum.more(msg.value);
        unchecked {
            total += msg.value * index;
        }
        for (uint i = 0; i < tills.length; i++) {
            if (i == index) continue;
            if (tills[i].sum == 0) break;
            tills[i].holder = msg.sender;
        }
    }

    function check() internal view override {
        super.check();
    }
}
""",
}


def main() -> None:
    """Write one file a contract."""
    for name, text in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            made = project(Path(folder), {f"{name}.sol": text})
            found = compilation(made, made.sources[0], seconds=60)
            trees = {one: part["ast"] for one, part in found.answer()["sources"].items()}
        record = {"version": found.version, "texts": found.texts, "trees": trees}
        (HERE / f"{name}.json").write_text(json.dumps(record, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
