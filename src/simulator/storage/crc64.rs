//! CRC-64 as OSS computes it, and the CRC of joined bytes out of the CRCs of their parts.

use crc::{CRC_64_XZ, Crc, Table};

/// ECMA-182 as OSS computes it, reflected: CRC-64/XZ.
pub(in crate::simulator) static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// A CRC that is being computed.
pub(in crate::simulator) type Crc64 = crc::Digest<'static, u64, Table<16>>;

/// The polynomial of ECMA-182, its bits reversed: the highest bit is the coefficient of x⁰.
const POLYNOMIAL: u64 = CRC_64_XZ.poly.reverse_bits();

/// 1, as a polynomial in that order.
const ONE: u64 = 1 << 63;

/// The CRC of `first` followed by `second`, which is `second_size` bytes long; no byte is read again.
///
/// Appending n bytes multiplies the first CRC by x⁸ⁿ modulo the polynomial. What starts and ends a CRC (all ones, both)
/// cancels out.
pub(in crate::simulator) fn combine(first: u64, second: u64, second_size: u64) -> u64 {
    let mut factor = ONE;
    // x⁸, squared once for every bit of the size.
    let mut power = ONE >> 8;
    let mut size = second_size;
    while size > 0 {
        if size & 1 == 1 {
            factor = multiply(factor, power);
        }
        power = multiply(power, power);
        size >>= 1;
    }
    multiply(first, factor) ^ second
}

/// The product of two polynomials, modulo [`POLYNOMIAL`].
fn multiply(left: u64, mut right: u64) -> u64 {
    let mut product = 0;
    for bit in (0..64).rev() {
        if left >> bit & 1 == 1 {
            product ^= right;
        }
        right = if right & 1 == 1 { right >> 1 ^ POLYNOMIAL } else { right >> 1 };
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn joining_with_nothing_changes_nothing() {
        let digits = CRC64.checksum(b"123456789");
        assert_eq!(combine(digits, CRC64.checksum(b""), 0), digits);
        assert_eq!(combine(CRC64.checksum(b""), digits, 9), digits);
    }

    proptest! {
        #[test]
        fn the_crc_of_joined_bytes_comes_out_of_the_parts(first: Vec<u8>, second: Vec<u8>) {
            let whole = CRC64.checksum(&[first.as_slice(), &second].concat());
            let joined = combine(CRC64.checksum(&first), CRC64.checksum(&second), second.len() as u64);
            prop_assert_eq!(joined, whole);
        }
    }
}
