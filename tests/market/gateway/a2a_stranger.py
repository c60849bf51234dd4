"""Run by the stock packages' own Python: reads an agent card and checks its signature."""

import json
import sys
import urllib.request


def fetch(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.loads(answer.read())


def read(address):
    from a2a.client.card_resolver import parse_agent_card
    from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
    from google.protobuf.json_format import MessageToDict, ParseDict
    from jwt.api_jwk import PyJWK

    found = fetch(address + "/.well-known/agent-card.json")
    strict = ParseDict(found, type(parse_agent_card(dict(found)))())
    (key,) = fetch(address + "/.well-known/jwks.json")["keys"]
    told = []

    def provider(kid, jku):
        told.append([kid, jku])
        return PyJWK(key)

    check = create_signature_verifier(provider, ["ES256K"])
    check(strict)
    strict.description += "!"
    try:
        check(strict)
    except SignatureVerificationError:
        refused = True
    else:
        refused = False
    row = {"card": MessageToDict(strict), "keys": told, "refused": refused}
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    read(sys.argv[1])
