"""A shop behind a till, without a network: what a server does around a paid route."""

from counterpoise.core.digest import sha256
from counterpoise.payments.budget import Allowance, Budget
from counterpoise.payments.buyer import Buyer
from counterpoise.payments.facilitator import Facilitator
from counterpoise.payments.seller import Seller
from counterpoise.payments.settlement import Settlement
from counterpoise.payments.shopping import Answer
from counterpoise.payments.terms import Refusal, Terms
from counterpoise.payments.till import Till
from counterpoise.payments.voucher_store import VoucherStore
from counterpoise.payments.wire import REQUIRED, RESPONSE, pack


class Shop:
    """Sells one answer at a price; usable as a buyer's transport."""

    def __init__(self, world, path, price=10, **terms):
        self.world, self.price, self.path = world, price, path
        self.served, self.requests, self.now = 0, 0, world.now
        self.work = lambda body: (200, b"answer to " + body)
        self.terms = Terms(
            world.chain.chain_id(),
            world.token.address,
            "Counterpoise Credit",
            "1",
            world.receiver.address,
            world.authorizer.address,
            **{"calls_per_deposit": 20, **terms},
        )
        self.start()

    def start(self):
        """Start, or start anew after a crash with what lies on the disk."""
        channels = self.world.channels
        self.store = VoucherStore(self.path)
        self.seller = Seller(self.terms, self.store, channels.check_voucher)
        facilitator = Facilitator(channels, self.world.token, self.world.relay)
        self.till = Till(
            self.seller, channels, facilitator, lambda: self.now, self.world.authorizer
        )

    def restart(self):
        self.store.close()
        self.start()

    def settlement(self, **options):
        return Settlement(self.seller, self.world.channels, self.world.receiver, **options)

    def buyer(self, account=None, most=1000, **options):
        place = f"eip155:{self.world.chain.chain_id()}", self.world.token.address
        budget = Budget({place: Allowance(call=50, deposit=most, total=10 * most)})
        options = {"clock": lambda: self.now, "send": self, **options}
        return Buyer(account or self.world.payer, budget, **options)

    def __call__(self, method, address, headers, body):
        self.requests += 1
        request = sha256(f"{method} {address}\n".encode() + body)
        ticket = self.till.admit(headers, self.price, request, address)
        if isinstance(ticket, Refusal):
            return self.refuse(ticket)
        if ticket.refund:
            done = self.till.finish(ticket)
            if isinstance(done, Refusal):
                return self.refuse(done)
            return Answer(200, {RESPONSE.lower(): pack(done)}, b"{}")
        return self.serve(ticket, body)

    def serve(self, ticket, body):
        status, answer = self.work(body)
        if status >= 400:
            told = self.till.cancel(ticket)
            return Answer(status, {RESPONSE.lower(): pack(told)} if told else {}, answer)
        self.served += 1
        done = self.till.finish(ticket)
        if isinstance(done, Refusal):
            return self.refuse(done)
        self.lose_answer()
        self.till.answered(ticket)
        return Answer(status, {RESPONSE.lower(): pack(done)}, answer)

    def lose_answer(self):
        """A test may make the answer fail to leave."""

    @staticmethod
    def refuse(refusal):
        return Answer(402, {REQUIRED.lower(): pack(refusal.required)})


class StreamShop(Shop):
    """Sells a stream: `blocks` of bytes, each with the total charged once it left."""

    blocks = ((b"one ", 3), (b"two ", 5), (b"three", 8))

    def serve(self, ticket, body):
        told = self.till.begin(ticket)
        if isinstance(told, Refusal):
            return self.refuse(told)
        self.sent = b""
        try:
            for block, total in self.blocks:
                self.till.charge_to(ticket, total)
                self.send_block(block)
        except Gone:
            self.till.cancel(ticket)
        else:
            self.last = self.till.finish(ticket, self.blocks[-1][1])
            self.till.answered(ticket)
            self.served += 1
        return Answer(200, {RESPONSE.lower(): pack(told)}, self.sent)

    def send_block(self, block):
        """A test may make the buyer go away, or the shop die, before a block."""
        self.sent += block


class Gone(Exception):
    """The buyer is not there any more."""
