"""Makes a small powers-of-tau file from a secret that everybody can read here."""

from counterpoise.verification import bn254
from counterpoise.verification.ptau import G2, OF_SNARKJS

SECRET = 0x123456789ABCDEF


def montgomery(value):
    return (value * (1 << 256) % bn254.Q).to_bytes(32, "little")


def point_bytes(point):
    return b"".join(montgomery(one) for one in point)


_POWERS_OF_TWO = [bn254.GENERATOR]
for _ in range(255):
    _POWERS_OF_TWO.append(bn254.total([_POWERS_OF_TWO[-1], _POWERS_OF_TWO[-1]]))


def times(scalar):
    """The generator of G1, `scalar` times."""
    return bn254.total(_POWERS_OF_TWO[bit] for bit in range(256) if scalar % bn254.R >> bit & 1)


def times_g2(scalar):
    from py_ecc.optimized_bn128 import FQ2, multiply, normalize

    x, y = normalize(multiply((FQ2(G2[:2]), FQ2(G2[2:]), FQ2([1, 0])), scalar))
    return tuple(int(one) for one in (*x.coeffs, *y.coeffs))


def lagrange(logrows, tau, generator=OF_SNARKJS):
    """The values at tau of the Lagrange polynomials, in the order of one generator's roots."""
    rows = 1 << logrows
    root = bn254.root_of_unity(generator, logrows)
    vanishing = (pow(tau, rows, bn254.R) - 1) * pow(rows, -1, bn254.R)
    roots = [pow(root, row, bn254.R) for row in range(rows)]
    return [vanishing * one * pow(tau - one, -1, bn254.R) % bn254.R for one in roots]


def ptau_bytes(power, tau=SECRET, tau_g2=None, block=None, first=None):
    """A file of this power; the other arguments falsify parts of it."""
    powers = [times(pow(tau, row, bn254.R)) for row in range(2 * (1 << power) - 1)]
    powers[0] = first or powers[0]
    second = [G2, times_g2(tau if tau_g2 is None else tau_g2)]
    values = b""
    for logrows in range(power + 1):
        made = lagrange(logrows, tau)
        if logrows == power and block is not None:
            made = block(made)
        values += b"".join(point_bytes(times(one)) for one in made)
    sections = {
        1: (32).to_bytes(4, "little")
        + bn254.Q.to_bytes(32, "little")
        + bytes([power, 0, 0, 0]) * 2,
        2: b"".join(map(point_bytes, powers)),
        3: b"".join(map(point_bytes, second)),
        12: values,
    }
    made = b"ptau" + (1).to_bytes(4, "little") + len(sections).to_bytes(4, "little")
    for kind, body in sections.items():
        made += kind.to_bytes(4, "little") + len(body).to_bytes(8, "little") + body
    return made
