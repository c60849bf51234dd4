// Runs npm's builds of the Solidity compiler. Two manners of speaking:
//
//   node solc_worker.js
//       Lines of JSON: {"id", "soljson", "input"} in, {"id", "output"} or {"id", "error"} out,
//       where `soljson` is the path of a build and `input` is Solidity's standard JSON.
//   node solc_worker.js SOLJSON --version | --standard-json
//       What the compiler's own command line answers, for one build.
//
// Nothing is read but standard input and the build itself: imports are in `input`.
"use strict";

const path = require("path");
const readline = require("readline");

const builds = new Map();

function build(file) {
  const place = path.resolve(file);
  if (!builds.has(place)) {
    const module = require(place);
    // Old builds end the process on any error, and not with their own words.
    process.removeAllListeners("uncaughtException");
    process.removeAllListeners("unhandledRejection");
    builds.set(place, module);
  }
  return builds.get(place);
}

function version(module) {
  const name = "_solidity_version" in module ? "solidity_version" : "version";
  return module.cwrap(name, "string", [])();
}

function compile(module, input) {
  const text = JSON.stringify(input);
  if ("_solidity_compile" in module) {
    const modern = "_solidity_reset" in module;
    const types = modern ? ["string", "number", "number"] : ["string", "number"];
    const entry = module.cwrap("solidity_compile", "string", types);
    try {
      return JSON.parse(modern ? entry(text, 0, 0) : entry(text, 0));
    } finally {
      if (modern) module.cwrap("solidity_reset", null, [])();
    }
  }
  if ("_compileStandard" in module) {
    return JSON.parse(module.cwrap("compileStandard", "string", ["string", "number"])(text, 0));
  }
  throw new Error("this build is older than 0.4.11 and has no standard JSON");
}

function answer(line) {
  const { id, soljson, input } = JSON.parse(line);
  try {
    const module = build(soljson);
    return { id, version: version(module), output: compile(module, input) };
  } catch (error) {
    return { id, error: String((error && error.message) || error).slice(0, 400) };
  }
}

function serve() {
  const lines = readline.createInterface({ input: process.stdin, terminal: false });
  lines.on("line", (line) => {
    if (line.trim()) process.stdout.write(JSON.stringify(answer(line)) + "\n");
  });
}

function once(soljson, flag) {
  const module = build(soljson);
  if (flag === "--version") {
    process.stdout.write(`solc, the solidity compiler\nVersion: ${version(module)}\n`);
  } else {
    const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
    process.stdout.write(JSON.stringify(compile(module, input)) + "\n");
  }
}

const [soljson, flag] = process.argv.slice(2);
if (soljson === undefined) serve();
else once(soljson, flag);
