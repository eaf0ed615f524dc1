//! What a column's values are, as the schema says: decided once, before any row is read.
//!
//! The `parquet` crate asserts that lists and maps have the form that the format wants, and knows nothing of
//! nanoseconds. So the schema is looked over here, and what it says beyond the values is kept.

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use super::DEEPEST;

/// Digits of the longest decimal that is read.
const MOST_DIGITS: i32 = 38;

/// What a value needs to be rendered, beside itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// It tells all by itself.
    Plain,
    /// 16 bytes.
    Uuid,
    /// Nanoseconds since midnight.
    TimeNanos,
    /// Since 1970, with nanoseconds where the crate leaves a plain number, and whether it is UTC.
    Timestamp { nanos: bool, utc: bool },
    /// All elements alike.
    List(Box<Shape>),
    /// Keys and values.
    Map(Box<Shape>, Box<Shape>),
    /// Fields in order.
    Group(Vec<Shape>),
}

/// The shapes of all columns, in order.
///
/// # Errors
/// Names the column that cannot be read and what to do.
pub(super) fn columns(root: &Type) -> Result<Vec<Shape>, String> {
    if root.get_fields().is_empty() {
        return Err("it has no columns; give a table with at least one".to_owned());
    }
    fields(root, "", 1)
}

fn fields(group: &Type, path: &str, depth: usize) -> Result<Vec<Shape>, String> {
    if depth > DEEPEST {
        return Err(format!("column `{path}` is nested more than {DEEPEST} deep; flatten it"));
    }
    let children = group.get_fields();
    if children.is_empty() {
        return Err(format!("column `{path}` is a group without fields; leave it out"));
    }
    let mut shapes = Vec::with_capacity(children.len());
    for (place, child) in children.iter().enumerate() {
        let path = if path.is_empty() { child.name().to_owned() } else { format!("{path}.{}", child.name()) };
        if children[..place].iter().any(|other| other.name() == child.name()) {
            return Err(format!("two columns are called `{path}`; give each its own name"));
        }
        let shape = of(child, &path, depth)?;
        // A repeated field without any annotation is a list of itself.
        let bare = is_repeated(child)
            && !matches!(
                child.get_basic_info().converted_type(),
                ConvertedType::LIST | ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE
            );
        shapes.push(if bare { Shape::List(Box::new(shape)) } else { shape });
    }
    Ok(shapes)
}

fn is_repeated(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

fn of(field: &Type, path: &str, depth: usize) -> Result<Shape, String> {
    if field.is_primitive() {
        return leaf(field, path);
    }
    match field.get_basic_info().converted_type() {
        ConvertedType::LIST => list(field, path, depth),
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => map(field, path, depth),
        _ => fields(field, path, depth + 1).map(Shape::Group),
    }
}

/// A list in the form that has been written since 2017: an optional group, a repeated group in it, its element.
/// Older forms leave it open what the element is, and the crate reads some of them as lists of lists.
fn list(field: &Type, path: &str, depth: usize) -> Result<Shape, String> {
    let old = || {
        format!("the list `{path}` is written in an old form; save it with a present version of its writer")
    };
    let [repeated] = field.get_fields() else { return Err(old()) };
    if is_repeated(field) || !is_repeated(repeated) || repeated.is_primitive() {
        return Err(old());
    }
    let [element] = repeated.get_fields() else { return Err(old()) };
    // What the crate takes for the element itself (its `is_element_type`).
    let by_itself = repeated.name() == "array" || repeated.name().ends_with("_tuple");
    let nested = repeated.get_basic_info().converted_type() == ConvertedType::LIST;
    if by_itself || nested || is_repeated(element) {
        return Err(old());
    }
    within(element, path, depth).map(|element| Shape::List(Box::new(element)))
}

fn map(field: &Type, path: &str, depth: usize) -> Result<Shape, String> {
    let odd = || format!("the map `{path}` is no repeated group of a key and a value; leave it out");
    let [pairs] = field.get_fields() else { return Err(odd()) };
    if is_repeated(field) || pairs.is_primitive() || !is_repeated(pairs) {
        return Err(odd());
    }
    let [key, value] = pairs.get_fields() else { return Err(odd()) };
    if is_repeated(key) || is_repeated(value) {
        return Err(odd());
    }
    let key = within(key, path, depth)?;
    Ok(Shape::Map(Box::new(key), Box::new(within(value, path, depth)?)))
}

fn within(field: &Type, path: &str, depth: usize) -> Result<Shape, String> {
    if depth >= DEEPEST {
        return Err(format!("column `{path}` is nested more than {DEEPEST} deep; flatten it"));
    }
    of(field, path, depth + 1)
}

fn leaf(field: &Type, path: &str) -> Result<Shape, String> {
    use ConvertedType as As;
    let info = field.get_basic_info();
    let converted = info.converted_type();
    let physical = field.get_physical_type();
    let utc =
        !matches!(info.logical_type_ref(), Some(LogicalType::Timestamp(time)) if !time.is_adjusted_to_u_t_c);
    match (physical, info.logical_type_ref()) {
        (Physical::INT64, Some(LogicalType::Timestamp(time))) => {
            return Ok(Shape::Timestamp { nanos: time.unit == TimeUnit::NANOS, utc });
        }
        (Physical::INT64, Some(LogicalType::Time(time))) if time.unit == TimeUnit::NANOS => {
            return Ok(Shape::TimeNanos);
        }
        (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)) => return Ok(Shape::Uuid),
        _ => {}
    }
    if converted == As::DECIMAL && field.get_precision() > MOST_DIGITS {
        let digits = field.get_precision();
        return Err(format!(
            "column `{path}` has decimals of {digits} digits, more than {MOST_DIGITS}; save it as text"
        ));
    }
    match (physical, converted) {
        (Physical::INT96, _) => Ok(Shape::Timestamp { nanos: false, utc: false }),
        (Physical::INT64, As::TIMESTAMP_MILLIS | As::TIMESTAMP_MICROS) => {
            Ok(Shape::Timestamp { nanos: false, utc })
        }
        (
            Physical::INT32,
            As::NONE
            | As::INT_8
            | As::INT_16
            | As::INT_32
            | As::UINT_8
            | As::UINT_16
            | As::UINT_32
            | As::DATE
            | As::TIME_MILLIS
            | As::DECIMAL,
        )
        | (Physical::INT64, As::NONE | As::INT_64 | As::UINT_64 | As::TIME_MICROS | As::DECIMAL)
        | (Physical::BYTE_ARRAY, As::NONE | As::UTF8 | As::ENUM | As::JSON | As::BSON | As::DECIMAL)
        | (Physical::FIXED_LEN_BYTE_ARRAY, As::NONE | As::DECIMAL)
        | (Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE, _) => Ok(Shape::Plain),
        (physical, converted) => {
            Err(format!("column `{path}` is {converted} ({physical}), which is not known; save it as text"))
        }
    }
}
