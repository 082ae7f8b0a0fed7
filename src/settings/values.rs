//! How values are written: durations as `10m`, sizes as `5 MiB`.

use chrono::TimeDelta;

/// Parses `90s`, `10m`, `1h30m`, `7d`, `500ms`: one or more numbers, each with its unit.
///
/// # Errors
/// With a sentence that says how durations are written.
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    let complain = || format!("`{text}` is no duration: write `30s`, `10m`, `1h30m` or `7d`");
    let mut total: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(complain());
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(complain)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let factor = match unit.trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(complain()),
        };
        total = i64::try_from(number)
            .ok()
            .and_then(|n| n.checked_mul(factor))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(complain)?;
        rest = next;
    }
    TimeDelta::try_milliseconds(total).ok_or_else(complain)
}

/// Parses `512`, `64 KiB`, `5 MiB`, `1 GB`: bytes, or a number with its unit.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let complain = || format!("`{text}` is no size: write bytes, or `64 KiB`, `5 MiB`, `2 GiB`");
    let (number, unit) = split_number(text.trim()).ok_or_else(complain)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(complain()),
    };
    number.checked_mul(factor).ok_or_else(complain)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    digits.parse().ok().map(|number| (number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, milliseconds) in
            [("30s", 30_000), ("10m", 600_000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("500ms", 500), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Ok(TimeDelta::milliseconds(milliseconds)), "{text}");
        }
        for text in ["", "10", "m", "10 parsecs", "-1s", "1.5h", "99999999999999999999s", "9223372036854775807d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [("0", 0), ("512", 512), ("64 KiB", 65_536), ("5MiB", 5_242_880), ("1 GB", 1_000_000_000)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "5 mib", "-5", "1.5 MiB", "20000000 TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
