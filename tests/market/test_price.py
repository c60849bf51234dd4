import pytest

from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.market import Price, Unit


@pytest.mark.parametrize("unit", Unit)
def test_a_price_is_read_as_it_is_written(unit):
    price = Price(3 * TOKEN // 2, unit)
    assert Price.parse(str(price)) == price
    assert price.of(4) == 6 * TOKEN


def test_a_price_without_a_unit_is_for_a_call():
    assert Price.parse("2") == Price(2 * TOKEN, Unit.CALL)


@pytest.mark.parametrize("text", ["", "1 per mile", "-1", "1,5 per call", "1 2 call", "1e3"])
def test_no_price_is_refused_clearly(text):
    with pytest.raises(InputError):
        Price.parse(text)


def test_an_amount_fits_a_voucher():
    with pytest.raises(InputError):
        Price(1 << 128)
    with pytest.raises(InputError):
        Price(1).of(-1)
