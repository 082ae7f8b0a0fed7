//! The percent-encoding sets, as named constants.
