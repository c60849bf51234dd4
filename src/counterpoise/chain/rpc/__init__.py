"""The embedded chain as an Ethereum node: JSON-RPC over HTTP, on loopback only."""
