//! Points in time in the form that the specification prescribes.

/// A point in time in UTC; of two the earlier one is less.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time<'a> {
    /// Counted from the year 0.
    second: u64,
    /// The digits after the point, without zeros at the end.
    fraction: &'a str,
}

impl<'a> Time<'a> {
    /// Reads `yyyy-mm-ddThh:mm:ssZ`, or the same with a fraction before the `Z`.
    pub(super) fn read(text: &'a str) -> Option<Time<'a>> {
        let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (text.strip_suffix('Z')?, ""),
        };
        let fraction = fraction.trim_end_matches('0');
        let (date, time) = whole.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let is_day = (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
        // ISO 8601 has leap seconds, and a day may end at 24:00.
        let is_time = (hour < 24 && minute < 60 && second <= 60)
            || (hour, minute, second, fraction) == (24, 0, 0, "");
        let days = (1..month).map(|month| length(year, month)).sum::<u64>() + day;
        // Of the years before.
        let leap_days = year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400);
        let hours = (year * 365 + leap_days + days) * 24 + hour;
        (is_day && is_time).then_some(Time {
            second: (hours * 60 + minute) * 60 + second,
            fraction,
        })
    }
}

/// The days of a month.
fn length(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Three numbers of so many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        *number = part.parse().ok()?;
        if part.len() != digits || !is_digits(part) {
            return None;
        }
    }
    parts.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn a_time_is_of_the_prescribed_form_and_of_the_calendar() {
        for text in [
            "2026-01-31T12:00:00.0Z",
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.123456789012Z",
            "0001-01-01T00:00:00.0Z",
            "0000-02-29T00:00:00.0Z",
            "9999-12-31T23:59:59.9Z",
            "2024-02-29T00:00:00.0Z",
            "2000-02-29T00:00:00.0Z",
            "2016-12-31T23:59:60.0Z",
            "2026-01-31T24:00:00.0Z",
        ] {
            assert!(Time::read(text).is_some(), "{text}");
        }
        for text in [
            "",
            "Z",
            "2026-01-31",
            "2026-01-31T12:00:00.0",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00,0Z",
            "2026-01-31T12:00:00.0.0Z",
            "2026-01-31T12:00:00+00:00",
            "2026-01-31T12:00:00.0+00:00",
            "2026-01-31T12:00:00.0+00:00Z",
            "2026-01-31T12:00:00.0ZZ",
            "2026-01-31 12:00:00.0Z",
            "2026-01-31t12:00:00.0z",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00:00Z",
            "2026-1-31T12:00:00.0Z",
            "+026-01-31T12:00:00.0Z",
            "2026-00-31T12:00:00.0Z",
            "2026-13-31T12:00:00.0Z",
            "2026-01-00T12:00:00.0Z",
            "2026-04-31T12:00:00.0Z",
            "2026-02-29T12:00:00.0Z",
            "1900-02-29T12:00:00.0Z",
            "2026-01-31T24:00:00.1Z",
            "2026-01-31T24:00:01.0Z",
            "2026-01-31T12:60:00.0Z",
            "2026-01-31T12:00:61.0Z",
            "2026-01-31T12:00:00.\u{661}Z",
            "20260131T120000Z",
            "99999999999999999999-01-31T12:00:00.0Z",
        ] {
            assert_eq!(Time::read(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_in_order() {
        let times = [
            "0000-12-31T23:59:59.9Z",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2024-02-28T23:59:59Z",
            "2024-02-29T00:00:00Z",
            "2024-02-29T24:00:00Z",
            "2024-03-01T00:00:00.05Z",
            "2024-03-01T00:00:00.1Z",
            "2024-03-01T00:00:00.11Z",
            "2024-12-31T23:59:60.5Z",
            "2025-01-01T00:00:01Z",
            "9999-12-31T23:59:59Z",
        ];
        let times = times.map(|text| Time::read(text).unwrap());
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
        for (one, other) in [
            ("2024-02-29T24:00:00Z", "2024-03-01T00:00:00.000Z"),
            ("2024-03-01T00:00:00.5Z", "2024-03-01T00:00:00.500Z"),
        ] {
            assert_eq!(Time::read(one), Time::read(other));
        }
    }
}
