"""Screen what somebody is about to sign: three transactions and one permit, tried, not sent.

Run it: python examples/watch_before_signing.py
"""

from counterpoise.chain import Account, deploy, open_chain
from counterpoise.core.units import to_checksum
from counterpoise.monitor import Contacts, Expectation, Intent, Screen, shipped_labels

chain = open_chain("embedded:")
ada, ben = Account.local(b"ada"), Account.local(b"ben")
chain.fund(ada.address, 10**19)
token = deploy(chain, ada, "CreditToken", ada.address)
token.transact(ada, "mint", ada.address, 1_000)

contacts = Contacts()  # fed from blocks by a watch; here by hand
contacts.pay(ada.address, ben.address)
screen = Screen(chain, shipped_labels(), contacts)
stranger = bytes.fromhex("5ca1ab1e" * 5)
twin = ben.address[:4] + stranger[:12] + ben.address[16:]  # what a poisoned history offers


def show(title, found):
    """Print a verdict with its reasons."""
    print(f"\n{title}: {found.decision}, {found.score} of 100")
    for mark in found.marks:
        print(f"  {mark.sign.points:3}  {mark.sign.title}: {mark.words}")
    for (token_address, _), amount in found.changes.items():
        print(f"  {amount:+} of {to_checksum(token_address)}")


def call(name, *args):
    """A call of the token, as Ada would send it."""
    return Intent(ada.address, token.address, token.encode(name, *args))


show("100 to Ben", screen.screen(call("transfer", ben.address, 100)))
show("100 to somebody like Ben", screen.screen(call("transfer", twin, 100)))
show("all to a stranger, for ever", screen.screen(call("approve", stranger, 2**256 - 1)))

wanted = Expectation({token.address: -50})  # Ada will part with 50 and no more
show("100 to Ben, 50 wanted", screen.screen(call("transfer", ben.address, 100), wanted))

permit = {
    "primaryType": "Permit",
    "domain": {"chainId": chain.chain_id(), "verifyingContract": to_checksum(token.address)},
    "message": {
        "owner": to_checksum(ada.address),
        "spender": to_checksum(stranger),
        "value": str(2**256 - 1),
        "nonce": 0,
        "deadline": 2**40,
    },
}
found = screen.screen_typed(permit, ada.address)
show("a permit that needs no transaction", found)
print(f"\nall of it holds for block {found.at.number}, {found.at.hash.hex()[:16]}, and no other")
