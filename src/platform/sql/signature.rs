//! Arguments against a function's signature, and the type of its value.
//!
//! A signature is words: `string, bigint? -> string`. `?` may be left out, `*` and `+` repeat. `same` arguments share
//! their common type, `arg` is the type of the first, `element` that of the elements of the first, `any` is any type,
//! `ordered` any that can be compared, `number` any number, `addend` a bigint or a double, `texts` an array of texts,
//! `lists` are arrays of one type. `format`, `regex`, `like`, `path`, `schema` and `replacement` are constant texts,
//! `zone` may be one.

use super::functions::{self, Function};
use super::node::{Literal, Node, Op};
use super::refusal::Refusal;
use super::types::Type;

struct Parameter<'s> {
    word: &'s str,
    optional: bool,
    repeats: bool,
}

fn parameters(signature: &'static str) -> (Vec<Parameter<'static>>, &'static str) {
    let (left, value) = signature.split_once("->").unwrap_or((signature, "any"));
    let parameter = |word: &'static str| {
        let word = word.trim();
        let plain = word.trim_end_matches(['?', '*', '+']);
        Parameter { word: plain, optional: word.ends_with(['?', '*']), repeats: word.ends_with(['*', '+']) }
    };
    (left.split(',').filter(|word| !word.trim().is_empty()).map(parameter).collect(), value.trim())
}

/// How many arguments a function takes, at least and at most.
pub(super) fn counts(function: &Function) -> (usize, usize) {
    let (parameters, _) = parameters(function.signature);
    let least = parameters.iter().filter(|parameter| !parameter.optional).count();
    let endless = parameters.iter().any(|parameter| parameter.repeats);
    (least, if endless { usize::MAX } else { parameters.len() })
}

/// How a function is written, for the fix of a refusal.
pub(super) fn form(function: &Function) -> String {
    format!("write it as in `{}`: {}", function.example, function.says.trim_end_matches('.'))
}

/// What is wrong with that many arguments; absent when nothing is.
pub(super) fn count_problem(function: &Function, count: usize) -> Option<String> {
    let (least, most) = counts(function);
    if (least..=most).contains(&count) {
        return None;
    }
    let wanted = match (least, most) {
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) if least == most => format!("{least}"),
        (least, most) => format!("{least} to {most}"),
    };
    Some(format!("has {count} arguments and takes {wanted}"))
}

/// The arguments in the types that the function wants, and the type of its value.
pub(super) fn apply(
    function: &'static Function,
    mut args: Vec<Node>,
    whole: &Node,
) -> Result<(Vec<Node>, Type), Refusal> {
    let (parameters, value) = parameters(function.signature);
    let word = |index: usize| {
        let last = parameters.last().filter(|last| last.repeats);
        parameters.get(index).or(last).map_or("any", |parameter| parameter.word)
    };
    let same = common(function, &args, &word, whole)?;
    widen_elements(&mut args, &word);
    let first = args.first().map_or(Type::Null, |arg| arg.ty.clone());
    for (index, slot) in args.iter_mut().enumerate() {
        let arg = slot.clone();
        *slot = match word(index) {
            "lists" if !matches!(arg.ty, Type::List(_)) => return Err(wrong(function, &arg, "an array")),
            "same" | "lists" => arg.cast(same.as_ref().unwrap_or(&Type::Null)),
            "arg" if index > 0 => to(function, arg, &first, "of the first argument's type")?,
            "element" => {
                let Type::List(element) = &first else { return Err(wrong(function, &arg, "an array's element")) };
                to(function, arg, element, "of the elements' type")?
            }
            word => {
                let arg = one(function, arg, word)?;
                let both = same.as_ref().filter(|_| index < 2 && shares_numbers(function));
                both.map_or(arg.clone(), |same| arg.cast(same))
            }
        };
    }
    let first = args.first().map_or(Type::Null, |arg| arg.ty.clone());
    let ty = named(value, &same.unwrap_or(Type::Null), &first);
    Ok((args, ty))
}

/// The common type of the arguments that share one.
fn common(
    function: &Function,
    args: &[Node],
    word: &dyn Fn(usize) -> &'static str,
    whole: &Node,
) -> Result<Option<Type>, Refusal> {
    let numbers = shares_numbers(function);
    let shared = |index: usize| matches!(word(index), "same" | "lists") || (numbers && index < 2);
    let mut common: Option<Type> = None;
    for (_, arg) in args.iter().enumerate().filter(|(index, _)| shared(*index)) {
        if numbers {
            one(function, arg.clone(), "number")?;
        }
        common = Some(match common {
            None => arg.ty.clone(),
            Some(so_far) => match so_far.common(&arg.ty) {
                Some(ty) => ty,
                None if is_comparison(function) && so_far.is_number() && arg.ty.is_number() => Type::Double,
                None => return Err(mixed(whole, &so_far, &arg.ty)),
            },
        });
    }
    if is_comparison(function) && common.as_ref().is_some_and(|ty| !ty.is_ordered()) {
        return Err(wrong(function, whole, "values that can be compared"));
    }
    Ok(common)
}

/// Whether the first two arguments are numbers of one type.
fn shares_numbers(function: &Function) -> bool {
    function.signature.starts_with("number, number")
}

/// An array and an element that have a common type take it, as in Spark.
fn widen_elements(args: &mut [Node], word: &dyn Fn(usize) -> &'static str) {
    let [Node { ty: Type::List(element), .. }, other, ..] = &*args else { return };
    let common = element.common(&other.ty).filter(|_| word(1) == "element");
    if let (Some(common), Some(list)) = (common, args.first_mut()) {
        *list = list.clone().cast(&Type::List(Box::new(common)));
    }
}

/// Whether it is one of the comparisons.
pub(super) fn is_comparison(function: &Function) -> bool {
    matches!(function.name, "=" | "<>" | "<" | "<=" | ">" | ">=" | "<=>")
}

/// The refusal of values without a common type.
pub(super) fn mixed(whole: &Node, a: &Type, b: &Type) -> Refusal {
    let fix = format!("cast one of them: CAST(... AS {})", if *a == Type::Text { b } else { a });
    whole.from.place.refuse(&*whole.from.text, format!("mixes {a} and {b}"), fix)
}

fn wrong(function: &Function, arg: &Node, wanted: &str) -> Refusal {
    let problem = format!("takes {wanted}, and `{}` is {}", arg.from.text, arg.ty);
    arg.from.place.refuse(function.name, problem, "cast it with CAST")
}

fn to(function: &Function, arg: Node, ty: &Type, wanted: &str) -> Result<Node, Refusal> {
    match arg.ty.common(ty) {
        Some(common) if common == *ty => Ok(arg.cast(ty)),
        _ => Err(wrong(function, &arg, wanted)),
    }
}

/// One argument in the type that a word stands for.
fn one(function: &Function, arg: Node, word: &str) -> Result<Node, Refusal> {
    let ty = arg.ty.clone();
    let null = ty == Type::Null;
    let refuse = |wanted: &str| Err(wrong(function, &arg, wanted));
    let into = |ty: Type| Ok(arg.clone().cast(&ty));
    match word {
        "any" | "arg" if ty == Type::Interval => refuse("a value"),
        "ordered" if !ty.is_ordered() => refuse("values that can be compared"),
        "hashable" if !ty.is_ordered() || ty.is_decimal() || ty == Type::Float => refuse("plain values"),
        "string" if null => into(Type::Text),
        "string" if ty != Type::Text => refuse("a text"),
        "printable" if !ty.is_ordered() => refuse("a plain value"),
        "printable" => into(Type::Text),
        "texts" | "joinable" if is_texts(&ty) => into(Type::List(Box::new(Type::Text))),
        "texts" => refuse("an array of texts"),
        "joinable" if null || ty == Type::Text => into(Type::Text),
        "joinable" => refuse("texts or arrays of texts"),
        "boolean" if null || ty == Type::Boolean => into(Type::Boolean),
        "boolean" => refuse("a condition"),
        "double" | "fraction" if null || ty.is_number() => into(Type::Double),
        "double" | "fraction" => refuse("a number"),
        "addend" if ty.is_integer() => into(Type::Long),
        "addend" if null || ty.is_float() => into(Type::Double),
        "addend" => refuse("numbers"),
        "number" if null => into(Type::Double),
        "number" if !ty.is_number() => refuse("a number"),
        "number" if ty.is_decimal() && function.name == "round" => refuse("a constant number of places"),
        "number" if ty.is_decimal() && function.name == "percentile_approx" => refuse("a number that is no DECIMAL"),
        "bigint" | "months" | "micros" if null || ty.is_integer() => into(Type::Long),
        "bigint" => refuse("a whole number"),
        "int" | "steps" if null || matches!(ty, Type::Byte | Type::Short | Type::Int) => into(Type::Int),
        "int" | "steps" => refuse("an INT"),
        "seconds" if null || ty.is_number() => into(Type::Decimal(16, 6)),
        "seconds" => refuse("a number"),
        "timestamp" if null || matches!(ty, Type::Timestamp | Type::Date | Type::Text) => into(Type::Timestamp),
        "timestamp" => refuse("a timestamp"),
        "date" if null || matches!(ty, Type::Timestamp | Type::Date | Type::Text) => into(Type::Date),
        "date" => refuse("a date"),
        "array" if !matches!(ty, Type::List(_)) => refuse("an array"),
        "zone" if ty == Type::Text && arg.constant().is_none() => Ok(arg),
        "format" | "regex" | "like" | "path" | "schema" | "zone" | "replacement" => pattern(function, arg, word),
        _ => Ok(arg),
    }
}

/// Whether it is an array of texts, or of what may be texts.
fn is_texts(ty: &Type) -> bool {
    matches!(ty, Type::List(element) if matches!(**element, Type::Text | Type::Null))
}

/// A constant text that is checked now.
fn pattern(function: &Function, arg: Node, word: &str) -> Result<Node, Refusal> {
    match &arg.op {
        Op::Literal(Literal::Null) => Ok(arg.cast(&Type::Text)),
        Op::Literal(Literal::Text(text)) => match functions_problem(function, word, text) {
            Some((problem, fix)) => Err(arg.from.place.refuse(function.name, problem, fix)),
            None => Ok(arg),
        },
        _ => {
            let problem = format!("takes a constant text as its {word}, and `{}` is none", arg.from.text);
            Err(arg.from.place.refuse(function.name, problem, "write the text in quotes"))
        }
    }
}

fn functions_problem(function: &Function, word: &str, text: &str) -> Option<(String, &'static str)> {
    if let Some(problem) = functions::pattern_problem(word, text) {
        let fix = match word {
            "format" => "use y M d H h m s S E a Q X, such as 'yyyy-MM-dd HH:mm:ss'",
            "path" => "write a path such as '$.a.b[0]'",
            "schema" => "write names and types such as 'a INT, b STRUCT<c: STRING>, d ARRAY<DOUBLE>'",
            "zone" => "write a region such as 'Europe/Berlin', or an offset such as '+05:30'",
            "like" => "write `%`, `_`, and `\\\\%` for a percent sign",
            _ => "use a plainer expression",
        };
        return Some((format!("its {word} '{text}' has what Spark and this engine do not share: {problem}"), fix));
    }
    let reads = word == "format" && !matches!(function.name, "date_format" | "from_unixtime");
    if let Some(letter) = functions::printed_only(text).filter(|_| reads) {
        let problem = format!("its format '{text}' has `{letter}`, by which Spark prints and does not read");
        return Some((problem, "leave the name of the day out: substring(text, 6)"));
    }
    let empty = word == "regex" && matches!(function.name, "regexp_replace" | "split");
    if empty && functions::matches_empty(text) {
        let problem = format!("its pattern '{text}' matches the empty text, which Java replaces in its own way");
        return Some((problem, "write a pattern that matches at least one character, such as `+` instead of `*`"));
    }
    None
}

/// The type that a word of the value's side stands for.
fn named(word: &str, same: &Type, first: &Type) -> Type {
    if let Some(inner) = word.strip_prefix("array<").and_then(|inner| inner.strip_suffix('>')) {
        return Type::List(Box::new(named(inner, same, first)));
    }
    match word {
        "same" => same.clone(),
        "arg" | "number" | "array" => first.clone(),
        "element" => {
            if let Type::List(element) = first {
                (**element).clone()
            } else {
                Type::Null
            }
        }
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "bigint" => Type::Long,
        "double" => Type::Double,
        "date" => Type::Date,
        "timestamp" => Type::Timestamp,
        _ => Type::Text,
    }
}
