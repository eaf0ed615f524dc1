//! A value of a column as the same value in JSON.

use parquet::data_type::Decimal;
use parquet::record::Field;
use serde_json::{Map, Number, Value};

use super::shape::Shape;

const SECONDS_PER_DAY: i64 = 86_400;

/// A value as JSON has it.
///
/// # Errors
/// A value that is neither text nor anything else that can be told: bytes.
pub(super) fn value(field: Field, shape: &Shape) -> Result<Value, String> {
    Ok(match (field, shape) {
        (Field::Null, _) => Value::Null,
        (Field::Bool(flag), _) => Value::Bool(flag),
        (Field::Byte(number), _) => number.into(),
        (Field::Short(number), _) => number.into(),
        (Field::Int(number), _) => number.into(),
        (Field::Long(nanos), Shape::Timestamp { utc, .. }) => timestamp(nanos, 9, *utc).into(),
        (Field::Long(nanos), Shape::TimeNanos) => time(nanos, 9).into(),
        (Field::Long(number), _) => number.into(),
        (Field::UByte(number), _) => number.into(),
        (Field::UShort(number), _) => number.into(),
        (Field::UInt(number), _) => number.into(),
        (Field::ULong(number), _) => number.into(),
        (Field::Float16(number), _) => single(number.to_f32()),
        (Field::Float(number), _) => single(number),
        (Field::Double(number), _) => double(number),
        (Field::Decimal(number), _) => decimal(&number)?.into(),
        (Field::Str(text), _) => text.into(),
        (Field::Bytes(bytes), Shape::Uuid) => uuid(bytes.data())?.into(),
        (Field::Bytes(bytes), _) => text(bytes.data())?.into(),
        (Field::Date(days), _) => date(days.into()).into(),
        (Field::TimeMillis(millis), _) => time(millis.into(), 3).into(),
        (Field::TimeMicros(micros), _) => time(micros, 6).into(),
        (Field::TimestampMillis(millis), shape) => timestamp(millis, 3, is_utc(shape)).into(),
        (Field::TimestampMicros(micros), shape) => timestamp(micros, 6, is_utc(shape)).into(),
        (Field::Group(row), shape) => {
            let shapes = if let Shape::Group(shapes) = shape { shapes.as_slice() } else { &[] };
            let fields = row.into_columns().into_iter().enumerate().map(|(place, (name, field))| {
                Ok((name, value(field, shapes.get(place).unwrap_or(&Shape::Plain))?))
            });
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
        (Field::ListInternal(list), shape) => {
            let shape = if let Shape::List(element) = shape { element } else { &Shape::Plain };
            let elements = list.elements().iter().map(|element| value(element.clone(), shape));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        (Field::MapInternal(map), shape) => pairs(map.entries(), shape)?,
    })
}

/// A map as an object; keys that are no text are written as JSON writes them.
fn pairs(entries: &[(Field, Field)], shape: &Shape) -> Result<Value, String> {
    let (keys, values) = match shape {
        Shape::Map(key, value) => (key.as_ref(), value.as_ref()),
        _ => (&Shape::Plain, &Shape::Plain),
    };
    let mut object = Map::new();
    for (key, entry) in entries {
        let key = match value(key.clone(), keys)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let entry = value(entry.clone(), values)?;
        if object.insert(key.clone(), entry).is_some() {
            return Err(format!("a map has the key `{}` twice", key.escape_debug()));
        }
    }
    Ok(Value::Object(object))
}

fn is_utc(shape: &Shape) -> bool {
    matches!(shape, Shape::Timestamp { utc: true, .. })
}

/// As many digits as the number had, not as many as its double has: 0.1 and not 0.10000000149011612.
fn single(number: f32) -> Value {
    double(number.to_string().parse().unwrap_or_else(|_| f64::from(number)))
}

fn double(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => Value::Null,
        None => Value::String(if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
    }
}

/// Bytes of a column that does not call itself text: old writers (Hive, Impala) say it of no column.
fn text(bytes: &[u8]) -> Result<String, String> {
    let plain = |text: &&str| text.bytes().all(|byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'));
    let text = std::str::from_utf8(bytes).ok().filter(plain);
    text.map(str::to_owned)
        .ok_or_else(|| "has bytes that are no text; leave the column out or save it as text".to_owned())
}

fn uuid(bytes: &[u8]) -> Result<String, String> {
    let bytes: [u8; 16] =
        bytes.try_into().map_err(|_| format!("has a UUID of {} bytes and not 16", bytes.len()))?;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(parts.join("-"))
}

/// All digits of a decimal, with as many behind the point as its scale says.
fn decimal(number: &Decimal) -> Result<String, String> {
    let bytes = number.data();
    let unscaled = whole(bytes).ok_or("has a decimal of more than 38 digits; save it as text")?;
    let scale = usize::try_from(number.scale()).unwrap_or(0);
    let mut digits = unscaled.unsigned_abs().to_string();
    if digits.len() <= scale {
        digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
    }
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    if unscaled < 0 {
        digits.insert(0, '-');
    }
    Ok(digits)
}

/// A whole number of any length, most significant byte first, in two's complement.
fn whole(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|&byte| byte >= 0x80);
    let filling = if negative { 0xff } else { 0 };
    let (front, back) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut full = [filling; 16];
    full[16 - back.len()..].copy_from_slice(back);
    let number = i128::from_be_bytes(full);
    let fits = front.iter().all(|&byte| byte == filling) && (number < 0) == negative;
    fits.then_some(number)
}

/// `YYYY-MM-DD` of days since 1970, in the proleptic Gregorian calendar (H. Hinnant, `chrono`-Compatible Low-Level
/// Date Algorithms, `civil_from_days`).
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `HH:MM:SS`, with what is behind the second where there is something.
fn time(value: i64, decimals: u32) -> String {
    let unit = 10_i64.pow(decimals);
    let (seconds, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    let whole = format!(
        "{:02}:{:02}:{:02}",
        seconds.div_euclid(3_600),
        seconds.rem_euclid(3_600) / 60,
        seconds.rem_euclid(60)
    );
    if rest == 0 {
        return whole;
    }
    let rest = format!("{rest:0width$}", width = decimals as usize);
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

/// ISO 8601: date, `T`, time, and `Z` where it is UTC.
fn timestamp(value: i64, decimals: u32, utc: bool) -> String {
    let day = SECONDS_PER_DAY * 10_i64.pow(decimals);
    let zone = if utc { "Z" } else { "" };
    format!("{}T{}{zone}", date(value.div_euclid(day)), time(value.rem_euclid(day), decimals))
}

#[cfg(test)]
mod tests {
    use parquet::data_type::ByteArray;
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_and_times_are_iso_8601() {
        // 1970-01-01 is day 0; 2000-02-29 is 30 years of 365 days, 7 leap days, and 31 + 28 days: 11016.
        let days = [0, 11_016, -1, 11_017, 19_858, -719_162];
        let dates = days.map(date);
        assert_eq!(
            dates,
            ["1970-01-01", "2000-02-29", "1969-12-31", "2000-03-01", "2024-05-15", "0001-01-01"]
        );
        assert_eq!(timestamp(0, 3, true), "1970-01-01T00:00:00Z");
        // Half a second before 1970.
        assert_eq!(timestamp(-500, 3, false), "1969-12-31T23:59:59.5");
        assert_eq!(timestamp(1_715_772_645_000_120_000, 9, false), "2024-05-15T11:30:45.00012");
        assert_eq!(time(86_399_999, 3), "23:59:59.999");
        // Neither end of what 64 bits hold overflows.
        assert!(timestamp(i64::MIN, 3, true).starts_with('-') && timestamp(i64::MAX, 3, true).ends_with('Z'));
    }

    #[test]
    fn decimals_keep_all_their_digits() {
        let told =
            |bytes: &[u8], scale| decimal(&Decimal::from_bytes(ByteArray::from(bytes.to_vec()), 38, scale));
        assert_eq!(told(&[4, 210], 2).as_deref(), Ok("12.34"));
        assert_eq!(told(&[0xff], 3).as_deref(), Ok("-0.001"));
        assert_eq!(told(&[0xff; 20], 0).as_deref(), Ok("-1"));
        assert_eq!(told(&[], 1).as_deref(), Ok("0.0"));
        assert!(told(&[1; 17], 0).is_err(), "17 bytes are more than 38 digits");
    }

    #[test]
    fn numbers_are_what_json_would_have() {
        let plain = |field| value(field, &Shape::Plain);
        assert_eq!(plain(Field::Float(0.1)), Ok(json!(0.1)));
        assert_eq!(plain(Field::Double(f64::NAN)), Ok(Value::Null));
        assert_eq!(plain(Field::Double(f64::NEG_INFINITY)), Ok(json!("-Infinity")));
        assert_eq!(plain(Field::ULong(u64::MAX)), Ok(json!(u64::MAX)));
        assert_eq!(plain(Field::Bytes(ByteArray::from("text"))), Ok(json!("text")));
        assert!(plain(Field::Bytes(ByteArray::from(vec![0, 1, 2]))).is_err());
    }
}
