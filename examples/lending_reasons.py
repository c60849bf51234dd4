"""What a desk would say to an applicant: risk, rate, and why not, all in integers. No chain.

Run it: python examples/lending_reasons.py
"""

from counterpoise.apps.lending.applicants import ROWS, WHO
from counterpoise.apps.lending.credit import load_credit
from counterpoise.apps.lending.office import policy_of
from counterpoise.apps.lending.pricing import price
from counterpoise.apps.lending.reasons import contributions, reasons_of
from counterpoise.apps.lending.scorecard import build_scorecard

card = build_scorecard()  # trained on 600 rows, then made integers
policy = policy_of(card)
print(f"model {card.net.id.hex()[:16]}: {card.net.inputs} bytes in, {card.nat} units a nat")

for name, row in ROWS.items():
    values = card.bytes_of(load_credit().values[row])
    answer = card.net.answer(values)
    terms = price(answer, policy)
    said = f"{terms.yearly_bps / 100:.2f} % a year" if terms.is_offer else "declined"
    print(
        f"\n{name} ({WHO[name]}): logit {int.from_bytes(answer[:4], 'big', signed=True)}, ", end=""
    )
    print(f"risk {terms.risk / 10_000:.1f} %, {said}")
    if not terms.is_offer:
        for reason in reasons_of(card.net, values, card.reference):
            print(f"  {reason.contribution / card.nat:+.2f} nats  {reason.title}")
        added = sum(contributions(card.net, values, card.reference))
        print(f"  all attributes together: {added / card.nat:+.2f} nats beside a usual borrower")
