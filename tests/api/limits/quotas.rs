//! Grants of one user.
