//! Multipart uploads: how an object is cut into parts, and which parts may become it (P§5).

use super::{
    fault::{Fault, FaultCode},
    grant::Grant,
    limits::size_breach,
};

/// The smallest part but the last, bytes (P§5).
pub const MIN_PART_SIZE: u64 = 100 * 1024;
/// The largest part, bytes (P§5).
pub const MAX_PART_SIZE: u64 = 5 * 1024 * 1024 * 1024;
/// Part numbers run from 1 to this (P§5).
pub const MAX_PARTS: u32 = 10_000;
/// The largest object that parts can make, bytes: 48.8 TB (P§5).
pub const MAX_OBJECT_SIZE: u64 = MAX_PART_SIZE * MAX_PARTS as u64;

/// Parts are this large while there are not too many of them: a lost connection costs little, and a file of usual size
/// few requests.
const USUAL_PART_SIZE: u64 = 8 * 1024 * 1024;
/// The smallest part but the last that clients of S3's contract send: S3's own minimum (“Amazon S3 multipart upload limits”).
const S3_PART_SIZE: u64 = 5 * 1024 * 1024;
/// Larger parts are whole multiples of this.
const PART_SIZE_STEP: u64 = 1024 * 1024;

/// How the object of a grant is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PartPlan {
    /// Every part but the last has this many bytes.
    pub part_size: u64,
    /// How many there are, when the caller said how large the file is.
    pub part_count: Option<u32>,
    /// No part number beyond this is signed.
    pub max_parts: u32,
}

impl PartPlan {
    /// The plan for a file of the declared size, else of any size up to the limit.
    pub fn new(declared_size: Option<u64>, max_size: u64) -> Self {
        let part_size = part_size(declared_size.unwrap_or(max_size));
        Self {
            part_size,
            part_count: declared_size.map(|size| count(size, part_size)),
            max_parts: count(max_size, part_size),
        }
    }

    /// The plan of a grant: a function of its own facts, so it is the same whenever it is asked for.
    pub fn of(grant: &Grant) -> Self {
        Self::new(grant.declared_size, grant.max_size)
    }
}

/// Who says how large parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cutting {
    /// We do: by the [`PartPlan`] that the client was told.
    Planned,
    /// The client does, at least as large as S3 wants them.
    S3,
}

impl Cutting {
    /// No part number beyond this is signed for the grant.
    pub fn max_parts(self, grant: &Grant) -> u32 {
        let planned = PartPlan::of(grant).max_parts;
        match self {
            Self::Planned => planned,
            Self::S3 => planned.max(count(grant.max_size, S3_PART_SIZE)),
        }
    }
}

/// At least one part, also for an empty file.
fn count(size: u64, part_size: u64) -> u32 {
    u32::try_from(size.div_ceil(part_size).max(1)).map_or(MAX_PARTS, |count| count.min(MAX_PARTS))
}

fn part_size(size: u64) -> u64 {
    let least = size.div_ceil(u64::from(MAX_PARTS)).next_multiple_of(PART_SIZE_STEP);
    least.clamp(USUAL_PART_SIZE, MAX_PART_SIZE)
}

/// A part as OSS holds it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UploadedPart {
    /// 1 to [`MAX_PARTS`].
    pub part_number: u32,
    /// Without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// A part as the client names it when it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPart {
    /// As OSS numbered it.
    pub part_number: u32,
    /// As OSS answered it, with or without quotes.
    pub etag: String,
}

/// Which of the parts that OSS holds become the object: the named ones, or all where none is named.
///
/// # Errors
/// Every named part that OSS does not hold with that `ETag`, and a sum or count outside the grant's limits.
pub fn choose(grant: &Grant, named: &[NamedPart], held: Vec<UploadedPart>) -> Result<Vec<UploadedPart>, Vec<Fault>> {
    let chosen = if named.is_empty() { held } else { pick(named, &held)? };
    // Signing has judged the numbers; this is the most that any way of cutting makes.
    let max_parts = Cutting::S3.max_parts(grant);
    if chosen.len() > max_parts as usize {
        let message = format!("{} parts, at most {max_parts} fit this grant", chosen.len());
        return Err(vec![Fault::new("parts", FaultCode::SizeTooLarge, message)]);
    }
    let size = chosen.iter().fold(0_u64, |sum, part| sum.saturating_add(part.size));
    match size_breach(size, grant.min_size, grant.max_size) {
        Some(breach) => {
            Err(vec![Fault::new("parts", breach.code(), format!("the parts have {size} bytes together: {breach}"))])
        }
        None => Ok(chosen),
    }
}

fn pick(named: &[NamedPart], held: &[UploadedPart]) -> Result<Vec<UploadedPart>, Vec<Fault>> {
    let mut chosen: Vec<UploadedPart> = Vec::with_capacity(named.len());
    let mut faults = Vec::new();
    for (index, name) in named.iter().enumerate() {
        let etag = name.etag.trim_matches('"');
        let found = held.iter().find(|part| part.part_number == name.part_number);
        let why = match found {
            None => "OSS holds no part of this number",
            Some(part) if !part.etag.eq_ignore_ascii_case(etag) => "OSS holds this part with another ETag",
            Some(part) if chosen.iter().any(|other| other.part_number == part.part_number) => "named twice",
            Some(part) => {
                chosen.push(part.clone());
                continue;
            }
        };
        faults.push(Fault::new(format!("parts.{index}"), FaultCode::InvalidParameter, why));
    }
    chosen.sort_by_key(|part| part.part_number);
    if faults.is_empty() { Ok(chosen) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_few_and_as_small_as_osss_limits_allow() {
        const MIB: u64 = 1024 * 1024;
        const GIB: u64 = 1024 * MIB;
        let cases = [
            ("an empty file", 0, 8 * MIB, 1),
            ("one byte", 1, 8 * MIB, 1),
            ("exactly one part", 8 * MIB, 8 * MIB, 1),
            ("one byte more", 8 * MIB + 1, 8 * MIB, 2),
            ("5 GB", 5 * GIB, 8 * MIB, 640),
            ("the last size of usual parts", 80_000 * MIB, 8 * MIB, 10_000),
            ("one byte beyond", 80_000 * MIB + 1, 9 * MIB, 8_889),
            ("the largest object", MAX_OBJECT_SIZE, MAX_PART_SIZE, 10_000),
        ];
        for (what, size, part_size, part_count) in cases {
            let plan = PartPlan::new(Some(size), size);
            assert_eq!((plan.part_size, plan.part_count), (part_size, Some(part_count)), "{what}");
            assert!(plan.part_size * u64::from(part_count) >= size, "{what}: all of it fits");
        }
        let open = PartPlan::new(None, 20 * MIB);
        assert_eq!(open, PartPlan { part_size: 8 * MIB, part_count: None, max_parts: 3 });
    }

    #[test]
    fn a_declared_size_makes_the_parts_and_the_limit_their_number() {
        const MIB: u64 = 1024 * 1024;
        let plan = PartPlan::new(Some(9 * MIB), 100 * MIB);
        assert_eq!(plan, PartPlan { part_size: 8 * MIB, part_count: Some(2), max_parts: 13 });
    }
}
