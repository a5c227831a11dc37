//! Sizes as people write them.

/// Parses bytes with an optional decimal unit, such as `500000`, `1.5MB`, `2 GB`.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as 500000, 1.5MB or 2GB".to_owned();
    let text = text.trim();
    let digits = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "T" | "TB" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let mut bytes = whole.checked_mul(scale).ok_or_else(wrong)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        bytes = bytes.checked_add(u64::from(digit.wrapping_sub(b'0')) * place).ok_or_else(wrong)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn units_are_decimal() {
        assert_eq!(parse("500000"), Ok(500_000));
        assert_eq!(parse("1.5MB"), Ok(1_500_000));
        assert_eq!(parse("2 gb"), Ok(2_000_000_000));
        assert_eq!(parse("0.0001KB"), Ok(0));
        for wrong in ["", "x", "1..2MB", "-1", "MB", "1 MiB", "99999999999999TB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
