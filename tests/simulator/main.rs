//! The simulator from outside: signed requests in, OSS's answers out.

#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod multipart;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tampering;
