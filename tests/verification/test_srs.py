"""SRS files: made for development, imported from a ceremony's file, checked point by point."""

import hashlib

import numpy as np
import pytest
from small_ptau import SECRET, lagrange, point_bytes, ptau_bytes, times

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import Layer, Net
from counterpoise.verification import Request, Zk
from counterpoise.verification.ptau import OF_HALO2, import_ptau
from counterpoise.verification.srs import UNKNOWN, find_srs, load_srs, make_development_srs
from counterpoise.verification.zk_key import make_key

POWER = 8


@pytest.fixture(scope="session")
def honest():
    return ptau_bytes(POWER)


def write(folder, data):
    path = folder / "tau.ptau"
    path.write_bytes(data)
    return path


def pins(data):
    return {"a ceremony": hashlib.blake2b(data).hexdigest()}


def test_an_imported_srs_is_the_one_that_the_secret_makes(tmp_path, honest):
    srs = import_ptau(write(tmp_path, honest), tmp_path, 5, pins(honest))
    assert (srs.logrows, srs.origin, srs.is_development) == (5, "a ceremony", False)
    assert srs.digest == hashlib.sha256((tmp_path / "5.srs").read_bytes()).digest()
    data = (tmp_path / "5.srs").read_bytes()
    wanted = b"".join(point_bytes(times(one)) for one in lagrange(5, SECRET, OF_HALO2))
    assert data[4 + 32 * 64 : 4 + 64 * 64] == wanted


def test_all_sizes_of_one_ceremony_have_the_same_points(tmp_path, honest):
    source = write(tmp_path, honest)
    found = {import_ptau(source, tmp_path, size).points for size in (4, 6)}
    assert len(found) == 1
    other = write(tmp_path, ptau_bytes(4, tau=999))
    assert import_ptau(other, tmp_path, 4).points not in found


def test_a_file_that_nobody_pinned_is_of_unknown_origin_and_for_development(tmp_path, honest):
    srs = import_ptau(write(tmp_path, honest), tmp_path, 4)
    assert srs.origin == UNKNOWN and srs.is_development


def test_proofs_are_made_and_checked_with_an_imported_srs_and_no_other(tmp_path, honest):
    pytest.importorskip("ezkl")
    import_ptau(write(tmp_path, honest), tmp_path, POWER, pins(honest))
    net = Net((Layer(np.array([[3, -2]]), np.array([-10])),))
    key = make_key(net, tmp_path / "key", tmp_path)
    assert key.srs.origin == "a ceremony"
    request = Request(bytes(20), 1, net.id, bytes(32), b"\x0a\x02", 0)
    prover = Zk(None, key)
    evidence = prover.prove(net, request)
    prover.verify(net, request, evidence)
    foreign = make_development_srs(tmp_path / "other", POWER)
    circuit = key.circuit()
    circuit.srs = foreign.path
    assert not circuit.verify(request.values, [16], evidence.proof)


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"first": (1, pow(4, 1, 97))}, "point 0 is not on the curve"),
        ({"first": "twice"}, "first powers are not the generators"),
        ({"tau": 1}, "tau is 0 or 1"),
        ({"tau_g2": 77}, "not those of one secret"),
        ({"block": lambda made: [*made[:-1], made[-1] + 1]}, "do not sum to the generator"),
        ({"block": lambda made: [made[1], made[0], *made[2:]]}, "not those of the powers"),
        ({"block": lambda made: made[::-1]}, "not those of the powers"),
    ],
)
def test_a_file_whose_points_are_not_of_one_secret_is_refused(tmp_path, monkeypatch, lie, told):
    if lie.get("first") == "twice":
        lie = {"first": times(2)}
    if lie.get("tau") == 1:  # which has no Lagrange polynomials
        lie = {"tau": 1, "tau_g2": 1}
        monkeypatch.setattr("small_ptau.lagrange", lambda size, *_: [0] * (1 << size))
    source = write(tmp_path, ptau_bytes(4, **lie))
    with pytest.raises(VerificationError, match=told):
        import_ptau(source, tmp_path, 4)
    assert not (tmp_path / "4.srs").exists()


def test_what_is_no_powers_of_tau_file_is_refused_with_what_to_do(tmp_path, honest):
    with pytest.raises(InputError, match="no powers-of-tau file"):
        import_ptau(write(tmp_path, b"zkey" + bytes(100)), tmp_path, 4)
    with pytest.raises(InputError, match=r"bytes, \d+ wanted"):
        import_ptau(write(tmp_path, honest), tmp_path, POWER + 1)
    at = honest.rindex((12).to_bytes(4, "little") + (511 * 64).to_bytes(8, "little"))
    unprepared = honest[:at] + (99).to_bytes(4, "little") + honest[at + 4 :]
    with pytest.raises(InputError, match="no section 12"):
        import_ptau(write(tmp_path, unprepared), tmp_path, 4)
    with pytest.raises(InputError, match="cannot be read"):
        import_ptau(tmp_path / "nowhere", tmp_path, 4)
    with pytest.raises(InputError, match="4 to 20"):
        import_ptau(write(tmp_path, honest), tmp_path, 21)


def test_a_development_srs_is_marked_and_a_changed_file_loses_its_origin(tmp_path, honest):
    pytest.importorskip("ezkl")
    srs = make_development_srs(tmp_path, 4)
    assert srs.is_development and find_srs(tmp_path, 4) == srs
    imported = import_ptau(write(tmp_path, honest), tmp_path, 5, pins(honest))
    (tmp_path / "5.srs").write_bytes(
        b"\x05\0\0\0" + imported.path.read_bytes()[68:132] + imported.path.read_bytes()[68:]
    )
    assert load_srs(tmp_path / "5.srs").origin == UNKNOWN


def test_a_missing_or_broken_srs_is_told(tmp_path):
    with pytest.raises(InputError, match="no SRS at"):
        load_srs(tmp_path / "4.srs")
    with pytest.raises(InputError, match=r"serves 2\*\*9 rows"):
        find_srs(tmp_path, 9)
    (tmp_path / "4.srs").write_bytes(b"\x04\0\0\0short")
    with pytest.raises(InputError, match="is no SRS"):
        load_srs(tmp_path / "4.srs")
