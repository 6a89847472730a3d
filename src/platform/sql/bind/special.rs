//! Calls whose value has a type that no signature tells: decimals, structs, maps, arrays put together.

use super::Binder;
use crate::platform::sql::functions::{self, Function};
use crate::platform::sql::node::{Literal, Node, Op, Source};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;
use crate::platform::sql::{ddl, decimal};

impl Binder<'_> {
    /// The call, if it is one of these; absent for all that signatures tell.
    pub(crate) fn special(
        &self,
        function: &'static Function,
        args: &[Node],
        from: &Source,
    ) -> Result<Option<Node>, Refusal> {
        if matches!(function.name, "try_add" | "try_subtract" | "try_multiply")
            && args.iter().all(|arg| arg.ty.digits().is_some())
            && args.iter().any(|arg| arg.ty.is_decimal())
        {
            let fix = "cast one of the numbers to DOUBLE, or use the operator";
            return Err(from.place.refuse(&*from.text, "is of DECIMALs, for which this engine has it not", fix));
        }
        if args.iter().any(|arg| arg.ty.is_decimal())
            && let Some(node) = decimals(function.name, args, from)
        {
            return Ok(Some(node));
        }
        match (function.name, args) {
            ("array" | "map", []) => {
                let ty = if function.name == "array" {
                    Type::List(Box::new(Type::Null))
                } else {
                    Type::Map(Box::new(Type::Null), Box::new(Type::Null))
                };
                Ok(Some(call(function, Vec::new(), ty, from)))
            }
            ("named_struct", _) => self.named_struct(function, args, from).map(Some),
            ("struct", _) => {
                let name = |(index, arg): (usize, &Node)| match arg.op {
                    Op::Column(_) | Op::Field(_) => arg.from.text.rsplit('.').next().unwrap_or_default().to_owned(),
                    _ => format!("col{}", index + 1),
                };
                let fields = args.iter().enumerate().map(|(index, arg)| (name((index, arg)), arg.ty.clone()));
                let ty = Type::Struct(fields.collect());
                Ok(functions::find("named_struct").map(|function| call(function, args.to_vec(), ty, from)))
            }
            ("map", _) => self.map(function, args, from).map(Some),
            ("map_keys" | "map_values" | "map_contains_key", [map, rest @ ..]) => {
                let Type::Map(key, value) = &map.ty else {
                    let problem = format!("takes a map, and `{}` is {}", map.from.text, map.ty);
                    return Err(map.from.place.refuse(function.name, problem, "write map(key, value)"));
                };
                let ty = match function.name {
                    "map_keys" => Type::List(key.clone()),
                    "map_values" => Type::List(value.clone()),
                    _ => Type::Boolean,
                };
                let mut args = vec![map.clone()];
                for arg in rest {
                    args.push(as_key(arg, key)?);
                }
                Ok(Some(call(function, args, ty, from)))
            }
            ("[]" | "element_at" | "try_element_at", [map, key]) => {
                let Type::Map(of_key, value) = &map.ty else { return Ok(None) };
                let args = vec![map.clone(), as_key(key, of_key)?];
                Ok(functions::find("map value").map(|function| call(function, args, (**value).clone(), from)))
            }
            ("size", [map]) if matches!(map.ty, Type::Map(..)) => {
                Ok(Some(call(function, args.to_vec(), Type::Int, from)))
            }
            ("concat", [first, ..]) if matches!(first.ty, Type::List(_)) => {
                let mut ty = Type::Null;
                for arg in args {
                    ty = ty.common(&arg.ty).ok_or_else(|| {
                        let whole = Node::literal(Literal::Null, Type::Null).at(from);
                        crate::platform::sql::signature::mixed(&whole, &ty, &arg.ty)
                    })?;
                }
                let args = args.iter().map(|arg| arg.clone().cast(&ty)).collect();
                Ok(functions::find("concat arrays").map(|function| call(function, args, ty, from)))
            }
            ("reverse", [list]) if matches!(list.ty, Type::List(_)) => {
                Ok(functions::find("reverse array")
                    .map(|function| call(function, args.to_vec(), list.ty.clone(), from)))
            }
            _ => Ok(None),
        }
    }

    /// A text read by a schema.
    pub(crate) fn read_json(
        &self,
        function: &'static Function,
        text: &Node,
        schema: &Node,
        from: &Source,
    ) -> Result<Node, Refusal> {
        let node = self.call(function.name, vec![text.clone(), schema.clone()], from)?;
        let ty = match schema.constant() {
            Some(Literal::Text(written)) => ddl::schema(written).ok(),
            _ => None,
        };
        let Some(ty) = ty else {
            let fix = "write names and types such as 'a INT, b STRING'";
            return Err(schema.from.place.refuse(&*schema.from.text, "is no constant schema", fix));
        };
        Ok(Node { ty, ..node })
    }

    /// Names and values by turns.
    fn named_struct(&self, function: &'static Function, args: &[Node], from: &Source) -> Result<Node, Refusal> {
        let form = "write named_struct('name', value, ...)";
        let mut fields: Vec<(String, Type)> = Vec::new();
        let mut values = Vec::new();
        for pair in args.chunks(2) {
            let [name, value] = pair else {
                return Err(from.place.refuse(&*from.text, "has a name without a value", form));
            };
            let Some(Literal::Text(text)) = name.constant() else {
                return Err(name.from.place.refuse(&*name.from.text, "is no constant text as a field's name", form));
            };
            if fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(text)) {
                return Err(name.from.place.refuse(
                    &*name.from.text,
                    "names two fields",
                    "give each field its own name",
                ));
            }
            fields.push((text.clone(), value.ty.clone()));
            values.push(value.clone());
        }
        Ok(call(function, values, Type::Struct(fields), from))
    }

    /// Keys and values by turns, each side in its common type.
    fn map(&self, function: &'static Function, args: &[Node], from: &Source) -> Result<Node, Refusal> {
        if !args.len().is_multiple_of(2) {
            return Err(from.place.refuse(&*from.text, "has a key without a value", "write map(key, value, ...)"));
        }
        let common = |side: usize| {
            let mut ty = Type::Null;
            for arg in args.iter().skip(side).step_by(2) {
                let whole = Node::literal(Literal::Null, Type::Null).at(from);
                let mixed = || crate::platform::sql::signature::mixed(&whole, &ty, &arg.ty);
                ty = ty.common(&arg.ty).ok_or_else(mixed)?;
            }
            Ok(ty)
        };
        let (key, value) = (common(0)?, common(1)?);
        if !key.is_ordered() || key == Type::Null {
            return Err(from.place.refuse(&*from.text, format!("has keys of {key}"), "use plain values as keys"));
        }
        let side = |index: usize| if index.is_multiple_of(2) { &key } else { &value };
        let args = args.iter().enumerate().map(|(index, arg)| arg.clone().cast(side(index))).collect();
        Ok(call(function, args, Type::Map(Box::new(key.clone()), Box::new(value.clone())), from))
    }
}

fn call(function: &'static Function, args: Vec<Node>, ty: Type, from: &Source) -> Node {
    Node { op: Op::Call(function), args, ty, from: from.clone() }
}

/// A value in the type of a map's keys.
fn as_key(value: &Node, key: &Type) -> Result<Node, Refusal> {
    let fits = |number: &i64| key.bounds().is_some_and(|(low, high)| (low..=high).contains(number));
    match (value.ty.common(key), value.constant()) {
        (Some(common), _) if common == *key => Ok(value.clone().cast(key)),
        (_, Some(Literal::Int(number))) if fits(number) => Ok(value.clone().cast(key)),
        _ => {
            let problem = format!("is {} where a key of {key} stands", value.ty);
            Err(value.from.place.refuse(&*value.from.text, problem, "cast it with CAST"))
        }
    }
}

/// A value as an exact decimal: a whole constant has just its digits. Absent for what is no exact number.
fn exact(node: &Node, other: &Node) -> Option<Node> {
    if node.ty == Type::Null {
        let (precision, scale) = other.ty.digits()?;
        return Some(node.clone().cast(&Type::Decimal(precision, scale)));
    }
    let size = match node.constant() {
        Some(Literal::Int(number)) if node.ty.is_integer() => {
            (number.unsigned_abs().checked_ilog10().unwrap_or(0) as u8 + 1, 0)
        }
        _ => node.ty.digits()?,
    };
    Some(node.clone().cast(&Type::Decimal(size.0, size.1)))
}

/// Arithmetic with an exact decimal; absent where a double takes part, or for another function.
fn decimals(name: &str, args: &[Node], from: &Source) -> Option<Node> {
    let size = |node: &Node| node.ty.digits();
    let inner = |name: &str| functions::find(&format!("decimal {name}"));
    let of = |(precision, scale): decimal::Size| Type::Decimal(precision, scale);
    match (name, args) {
        ("+" | "-" | "*" | "/" | "try_divide" | "%" | "mod" | "pmod", [a, b]) => {
            let (a, b) = (exact(a, b)?, exact(b, a)?);
            let operator = if name == "try_divide" { "/" } else { name };
            let ty = of(decimal::result(operator, size(&a)?, size(&b)?)?);
            Some(call(inner(name)?, vec![a, b], ty, from))
        }
        ("abs" | "-x", [number]) => Some(call(inner(name)?, args.to_vec(), number.ty.clone(), from)),
        ("floor" | "ceil", [number]) => {
            Some(call(inner(name)?, args.to_vec(), of(decimal::whole_size(size(number)?)), from))
        }
        ("round", [number, rest @ ..]) => {
            let places = match rest {
                [] => 0,
                [places, ..] => match places.constant() {
                    Some(Literal::Int(places)) => *places,
                    _ => return None,
                },
            };
            Some(call(inner(name)?, args.to_vec(), of(decimal::rounded(size(number)?, places)), from))
        }
        _ => None,
    }
}
