// Compiles Reference.sol with the npm solc; prints its interface and bytecode as JSON.
// Usage: node compile.cjs NODE_MODULES
const fs = require("fs");
const path = require("path");

const modules = path.resolve(process.argv[2]);
const solc = require(path.join(modules, "solc"));
const input = {
  language: "Solidity",
  sources: {
    "Reference.sol": { content: fs.readFileSync(path.join(__dirname, "Reference.sol"), "utf8") },
  },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    outputSelection: { "Reference.sol": { Reference: ["abi", "evm.bytecode.object"] } },
  },
};
const readImport = (name) => ({ contents: fs.readFileSync(path.join(modules, name), "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  process.stderr.write(errors.map((error) => error.formattedMessage).join("\n"));
  process.exit(1);
}
const built = output.contracts["Reference.sol"].Reference;
process.stdout.write(
  JSON.stringify({ solc: solc.version(), abi: built.abi, bytecode: built.evm.bytecode.object }),
);
