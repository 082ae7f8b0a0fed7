//! What we sign with: one provider per kind, each implementing [`Credentials`](crate::app::ports::Credentials).

mod environment;
mod fixed;

pub use self::{
    environment::EnvCredentials,
    fixed::{Part, StaticCredentials},
};
