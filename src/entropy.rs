//! The only source of randomness. Everything pure takes the random bytes as a parameter.

use rand::RngCore;

/// Gives unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// A generator fit for secrets, one per thread, seeded and reseeded by the operating system: no system call per id.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one legitimate source of randomness")]
    fn fill(&self, buffer: &mut [u8]) {
        rand::thread_rng().fill_bytes(buffer);
    }
}
