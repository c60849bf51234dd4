"""Vouchers, signed and checked thousands of times a second.

The domain's hash and the type's are kept; a check is two short hashes and one recovery of a key.
"""

from __future__ import annotations

from counterpoise.chain import Account, Domain, recover
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.payments.signing import MAX_AMOUNT, VOUCHER, Voucher


class Vouchers:
    """Signs and checks the vouchers of one chain's channels.

    Parameters
    ----------
    domain :
        See `channel_domain`.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self._head = b"\x19\x01" + domain.separator()
        self._kind = keccak(VOUCHER.encode())

    def digest(self, channel: bytes, ceiling: int) -> bytes:
        """Give the 32 bytes that are signed; equal to `voucher_digest`.

        Raises
        ------
        InputError :
            The id has not 32 bytes, or the ceiling is not of 128 bits.
        """
        if len(channel) != 32 or not 0 <= ceiling <= MAX_AMOUNT:
            raise InputError(
                f"a voucher over {ceiling} for a channel id of {len(channel)} bytes",
                hint="an id has 32 bytes, an amount is from 0 to 2**128 - 1",
            )
        struct = keccak(self._kind + channel + ceiling.to_bytes(32, "big"))
        return keccak(self._head + struct)

    def sign(self, account: Account, channel: bytes, ceiling: int) -> Voucher:
        """Sign a voucher; `ceiling` is the channel's whole total, in base units."""
        return Voucher(channel, ceiling, account.sign_digest(self.digest(channel, ceiling)))

    def signer(self, voucher: Voucher) -> Address:
        """Recover who signed a voucher.

        Raises
        ------
        VerificationError :
            The signature is none: 64 bytes, a high s, or no key fits.
        """
        return recover(self.digest(voucher.channel, voucher.ceiling), voucher.signature)

    def check(self, voucher: Voucher, signer: Address) -> None:
        """Raise `VerificationError` unless this account's key signed this voucher.

        A payer that is a contract is asked on the chain instead: `ChannelsClient.check_voucher`.
        """
        found = self.signer(voucher)
        if found != signer:
            raise VerificationError(
                f"the voucher is signed by 0x{found.hex()}, not by 0x{signer.hex()}",
                hint="another key, channel, amount, chain or contract was signed",
            )
