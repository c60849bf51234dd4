"""Any history of any loans: the desk follows its rules and holds exactly what it owes."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterpoise.apps.lending import rules
from counterpoise.apps.lending.rules import Desk, Status
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN

QUICK = settings(
    max_examples=14,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
FEE = TOKEN
CALLERS = ("lender", "clerk", "ann", "bob", "stranger")
COURSES = ("accept", "repay", "default", "explain", "lapse", "forget")
callers = st.sampled_from(CALLERS)
borrowers = st.sampled_from(("ann", "bob"))
loans = st.integers(0, 4)


def words(logit, decision=0):
    return logit.to_bytes(4, "big", signed=True) + decision.to_bytes(2, "big")


class DeskMachine(RuleBasedStateMachine):
    """The contract beside `rules`, fed with the same calls."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        who = (self.world.policy, self.world.lender.address, self.world.clerk.address)
        self.known = Desk(*who, *self.world.desk.money())
        self.refunds = 0
        self.moved = dict.fromkeys(CALLERS, 0)
        self.purses = {name: self.world.balance(self.world.roles[name]) for name in CALLERS}

    def teardown(self):
        self.world.chain.revert(self.place)

    def address(self, name):
        return self.world.roles[name].address

    def pick(self, index, *statuses):
        """One of the loans, of these statuses where there are any."""
        wanted = [n for n, loan in self.known.loans.items() if loan.status in statuses]
        numbers = sorted(wanted or self.known.loans)
        return numbers[index % len(numbers)]

    def agree(self, expected, call):
        """Run a rule and the contract; both give a desk, or both refuse for the same reason."""
        try:
            wanted = expected(self.world.now)
        except Reverted as refusal:
            wanted = refusal.reason
        try:
            call()
        except Reverted as refusal:
            assert refusal.reason == wanted
            return False
        assert isinstance(wanted, Desk), f"the contract did not refuse: {wanted}"
        self.known = wanted
        return True

    @rule(caller=st.sampled_from(("lender", "lender", "ann")), tokens=st.sampled_from((0, 1, 9000)))
    def deposit(self, caller, tokens):
        amount = tokens * TOKEN
        if self.agree(
            lambda now: rules.deposit(self.known, self.address(caller), amount),
            lambda: self.world.desk.deposit(self.world.roles[caller], amount),
        ):
            self.moved[caller] -= amount

    @rule(caller=st.sampled_from(("lender", "bob")), tokens=st.sampled_from((0, 5000, 45_000)))
    def withdraw(self, caller, tokens):
        amount = tokens * TOKEN
        if self.agree(
            lambda now: rules.withdraw(self.known, self.address(caller), amount),
            lambda: self.world.desk.withdraw(self.world.roles[caller], amount),
        ):
            self.moved[caller] += amount

    @rule(
        who=borrowers,
        tokens=st.sampled_from((99, 100, 3000, 20_000, 20_001)),
        months=st.sampled_from((0, 1, 24, 73)),
        attested=st.sampled_from((True, True, True, False)),
    )
    def apply(self, who, tokens, months, attested):
        world = self.world
        account = world.roles[who]
        asked = world.application(account, amount=tokens * TOKEN, months=months)
        signer = world.attester if attested else account
        signature = world.desk.attest(signer, asked)
        number = world.oracle.call("request_count") + 1
        if self.agree(
            lambda now: rules.apply(
                self.known,
                account.address,
                now,
                number=number,
                commitment=asked.commitment,
                amount=asked.amount,
                months=months,
                level=1,
                expires=asked.expires,
                is_attested=attested,
            ),
            lambda: world.desk.apply(account, asked, signature, level=1, fee=FEE),
        ):
            self.moved[who] -= FEE

    @rule(
        who=borrowers,
        logit=st.sampled_from((-6000, -1800, 500)),
        months=st.sampled_from((1, 12)),
        course=st.sampled_from(COURSES),
    )
    def advance(self, who, logit, months, course):
        """A loan as most are, so that the later steps are reached often."""
        before = set(self.known.loans)
        if self.known.free < 3000 * TOKEN:
            self.deposit("lender", 9000)
        self.apply(who, 3000, months, True)
        for number in set(self.known.loans) - before:
            if course == "forget":
                self.give_up_now(number, elsewhere=months == 1)
                continue
            self.answer_now(number, words(500 if course == "explain" else logit))
            if course in ("accept", "repay", "default"):
                self.accept_now(who, number)
                if course == "default":
                    self.write_off_now("lender", number, late=True)
                if course != "accept":
                    self.repay_now(who, number, 10**21)
            elif course == "explain":
                self.explain_now("clerk", number)
            elif course == "lapse":
                self.lapse_now(number, late=True)

    @precondition(lambda self: self.known.loans)
    @rule(
        index=loans, logit=st.sampled_from((-6000, -2500, -1600, 0, 9000)), decision=st.booleans()
    )
    def answer(self, index, logit, decision):
        number = self.pick(index, Status.ASKED)
        if self.known.loans[number].status is Status.ASKED and self.refund_of(number) == 1:
            self.answer_now(number, words(logit, int(decision)))

    def answer_now(self, number, answer):
        self.world.tell(number, answer)
        self.agree(
            lambda now: rules.answer(self.known, number, answer, now),
            lambda: self.world.oracle.transact(self.world.stranger, "fulfil", number),
        )

    def refund_of(self, number):
        """The status of the request at the oracle: 1 open, 2 answered, 3 refunded."""
        return self.world.oracle.call("request_of", number)[1]

    @precondition(lambda self: self.known.loans)
    @rule(index=loans, elsewhere=st.booleans())
    def give_up(self, index, elsewhere):
        """The oracle stays silent; somebody may have cancelled the request already."""
        self.give_up_now(self.pick(index, Status.ASKED), elsewhere)

    def give_up_now(self, number, elsewhere):
        world = self.world
        loan = self.known.loans[number]
        deadline = world.oracle.call("request_of", number)[8]
        if loan.status is Status.ASKED and world.now <= deadline:
            world.warp_to(deadline + 1)
        if elsewhere and self.refund_of(number) == 1:
            world.oracle.transact(world.stranger, "cancel", number)
        if self.agree(
            lambda now: rules.unanswered(self.known, number),
            lambda: world.desk.settle(world.stranger, number),
        ):
            self.moved["ann" if loan.borrower == self.address("ann") else "bob"] += FEE

    @precondition(lambda self: self.known.loans)
    @rule(index=loans, caller=st.sampled_from(("clerk", "clerk", "lender")))
    def explain(self, index, caller):
        self.explain_now(caller, self.pick(index, Status.DECLINED))

    def explain_now(self, caller, number):
        reasons = number.to_bytes(32, "big")
        self.agree(
            lambda now: rules.explain(self.known, self.address(caller), number, reasons),
            lambda: self.world.desk.explain(self.world.roles[caller], number, reasons),
        )

    @precondition(lambda self: self.known.loans)
    @rule(index=loans, caller=borrowers)
    def accept(self, index, caller):
        self.accept_now(caller, self.pick(index, Status.OFFERED))

    def accept_now(self, caller, number):
        if self.agree(
            lambda now: rules.accept(self.known, self.address(caller), number, now),
            lambda: self.world.desk.accept(self.world.roles[caller], number),
        ):
            self.moved[caller] += self.known.loans[number].principal

    @precondition(lambda self: self.known.loans)
    @rule(index=loans, late=st.booleans())
    def lapse(self, index, late):
        self.lapse_now(self.pick(index, Status.OFFERED), late)

    def lapse_now(self, number, late):
        until = self.known.loans[number].until
        if late and self.known.loans[number].status is Status.OFFERED and self.world.now <= until:
            self.world.warp_to(until + 1)
        self.agree(
            lambda now: rules.lapse(self.known, number, now),
            lambda: self.world.desk.lapse(self.world.stranger, number),
        )

    @precondition(lambda self: self.known.loans)
    @rule(index=loans, payer=callers, part=st.sampled_from((0, 1, 7, 10**21, 10**30)))
    def repay(self, index, payer, part):
        self.repay_now(payer, self.pick(index, Status.LENT, Status.DEFAULTED), part)

    def repay_now(self, payer, number, part):
        if payer == "clerk" or self.world.balance(self.world.roles[payer]) < 25_000 * TOKEN:
            return
        taken = []

        def expected(now):
            desk, amount = rules.repay(self.known, number, part, now)
            taken.append(amount)
            return desk

        account = self.world.roles[payer]
        if self.agree(expected, lambda: self.world.desk.repay(account, number, part)):
            self.moved[payer] -= taken[0]

    @precondition(lambda self: self.known.loans)
    @rule(index=loans, caller=st.sampled_from(("lender", "lender", "ann")), late=st.booleans())
    def write_off(self, index, caller, late):
        self.write_off_now(caller, self.pick(index, Status.LENT), late)

    def write_off_now(self, caller, number, late):
        loan = self.known.loans[number]
        if late and loan.status is Status.LENT and self.world.now <= loan.until:
            self.world.warp_to(loan.until + 1)
        self.agree(
            lambda now: rules.write_off(self.known, self.address(caller), number, now),
            lambda: self.world.desk.write_off(self.world.roles[caller], number),
        )

    @rule(seconds=st.sampled_from((5, 3600, 10**6)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @invariant()
    def it_holds_what_is_free_and_kept_and_the_fees_it_owes_back(self):
        """Fees of requests that the oracle refunded wait here until somebody settles."""
        asked = [n for n, loan in self.known.loans.items() if loan.status is Status.ASKED]
        waiting = sum(FEE for number in asked if self.refund_of(number) == 3)
        assert self.world.balance(self.world.desk) == self.known.free + self.known.held + waiting

    @invariant()
    def money_and_loans_are_as_the_rules_say(self):
        desk = self.world.desk
        assert desk.money() == (self.known.free, self.known.held, self.known.lent)
        assert {n: desk.loan(n) for n in self.known.loans} == dict(self.known.loans)
        kept = (Status.ASKED, Status.OFFERED)
        assert self.known.held == sum(
            loan.principal for loan in self.known.loans.values() if loan.status in kept
        )
        assert self.known.lent == sum(
            loan.outstanding for loan in self.known.loans.values() if loan.status is Status.LENT
        )

    @invariant()
    def everybody_has_what_the_rules_moved(self):
        for name, before in self.purses.items():
            assert self.world.balance(self.world.roles[name]) == before + self.moved[name]


def test_any_history_of_loans_follows_the_rules_and_conserves_tokens(world):
    class Machine(DeskMachine):
        shared = world

    run_state_machine_as_test(Machine, settings=QUICK)
