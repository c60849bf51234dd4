"""A registry of agents, a log and a store, with sellers who list: shared by tests of listings."""

from dataclasses import replace

from counterpoise.chain import dev_account, open_chain
from counterpoise.identity import IdentityClient
from counterpoise.market import (
    Catalogue,
    Endpoint,
    Level,
    Listing,
    Price,
    Unit,
    What,
    read_chain,
    read_log,
    read_standings,
    search,
)
from counterpoise.market.publishing import publish
from counterpoise.provenance import AccountSigner, Log
from counterpoise.store import Store

NOW, TOKEN = 1_700_000_000, b"t" * 20
DAY = 86_400


class Fair:
    """Everything that a market of listings needs, on a chain whose clock stands still."""

    def __init__(self, folder):
        self.folder = folder
        self.chain = open_chain("embedded:", clock=lambda: NOW)
        self.owner, self.wallet, self.other, self.stranger = map(dev_account, range(4))
        self.identity = IdentityClient.deploy(self.chain, self.owner)
        self.store = Store(folder / "blobs")
        self.log = Log(folder / "log", origin="example.org/log", key=bytes(32))
        self.catalogue = self.open_catalogue()

    def open_catalogue(self, name="catalogue.db"):
        return Catalogue(self.folder / name, self.identity.name)

    def close(self):
        self.catalogue.close()
        self.log.close()
        self.chain.close()

    def listing(self, agent, name="credit-net", **changed):
        plain = Listing(
            What.MODEL,
            name,
            "Whether a loan is paid back.",
            Price(20),
            TOKEN,
            agent,
            self.identity.name,
            NOW + DAY,
            tags=("credit", "tabular"),
            endpoints=(Endpoint("oip-v2", "https://seller.example/v2"),),
            levels=(Level("optimistic", 5),),
            licence="Apache-2.0",
            model=b"m" * 32,
        )
        return replace(plain, **changed)

    def agent(self, owner=None):
        return self.identity.register(owner or self.owner)

    def put(self, listing, account=None, *, nonce=bytes(16)):
        """Sign a listing and append it to the log, without asking whether one may."""
        envelope = listing.sign(AccountSigner(account or self.owner), NOW, nonce)
        self.log.append([envelope])
        return envelope

    def publish(self, listing, account=None, **options):
        parts = {"identity": self.identity, "store": self.store, "log": self.log, **options}
        return publish(listing, account or self.owner, NOW, **parts)

    def refresh(self, catalogue=None):
        catalogue = self.catalogue if catalogue is None else catalogue
        found = read_log(catalogue, self.log)
        found += read_chain(catalogue, self.identity, self.store)
        read_standings(catalogue, self.identity)
        return found

    def found(self, words="", wanted=None, now=NOW, catalogue=None, **options):
        """Agent, name and version of what a search finds."""
        self.refresh(catalogue)
        results = search(
            self.catalogue if catalogue is None else catalogue, words, now, wanted, **options
        )
        return [
            (r.found.listing.agent, r.found.listing.name, r.found.listing.version) for r in results
        ]

    @staticmethod
    def price(amount, unit="call"):
        return Price(amount, Unit(unit))
