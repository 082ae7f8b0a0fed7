//! Whole numbers as JSON has them: `5.0` and `5` are the same number there, and some languages write no other.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// Beyond this, not every whole number is one of a double's.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A number without a fraction, however it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<T>(pub T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor(PhantomData))
    }
}

struct WholeVisitor<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for WholeVisitor<T> {
    type Value = Whole<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of at most {} bits", 8 * size_of::<T>())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        T::try_from(number).map(Whole).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        match whole(number) {
            Some(number) => self.visit_u64(number),
            None => Err(E::invalid_value(Unexpected::Float(number), &self)),
        }
    }
}

/// The number, if it has no fraction and no doubt.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "has been looked at")]
pub(super) fn whole(number: f64) -> Option<u64> {
    ((0.0..=MAX_EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: TryFrom<u64>>(json: &str) -> Option<T> {
        serde_json::from_str::<Whole<T>>(json).ok().map(|whole| whole.0)
    }

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        for (json, number) in
            [("5", 5), ("5.0", 5), ("5e2", 500), ("0", 0), ("-0.0", 0), ("9007199254740992.0", 1 << 53)]
        {
            assert_eq!(read::<u64>(json), Some(number), "{json}");
        }
        assert_eq!(read::<u64>("18446744073709551615"), Some(u64::MAX));
        assert_eq!(read::<u32>("4294967295.0"), Some(u32::MAX));
    }

    #[test]
    fn what_is_none_is_refused() {
        for json in ["5.5", "-1", "-1.0", "1e300", "9007199254740994.0", "\"5\"", "true", "null", "[5]"] {
            assert_eq!(read::<u64>(json), None, "{json}");
        }
        for json in ["4294967296", "4294967296.0"] {
            assert_eq!(read::<u32>(json), None, "{json}");
        }
    }
}
