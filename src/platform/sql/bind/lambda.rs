//! Functions with a lambda function: `filter`, `transform`, `forall`, `exists`.
//!
//! The parameters are columns of a frame of elements, which only the lambda's body sees.

use sqlparser::ast::{Expr, LambdaFunction, OneOrManyWithParens};

use super::Binder;
use crate::platform::sql::functions::Function;
use crate::platform::sql::node::{Lambda, Node, Op, Source, Walk};
use crate::platform::sql::plan::{Named, no_aggregate};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::signature;
use crate::platform::sql::types::Type;

/// What becomes of the elements, by the name of the function.
pub(super) fn walk(function: &Function) -> Option<Walk> {
    Some(match function.name {
        "filter" => Walk::Filter,
        "transform" => Walk::Transform,
        "forall" => Walk::All,
        "exists" => Walk::Any,
        _ => return None,
    })
}

impl Binder<'_> {
    /// A function of an array and a lambda function.
    pub(crate) fn lambda(
        &mut self,
        walk: Walk,
        function: &'static Function,
        written: &[Option<&Expr>],
        from: &Source,
    ) -> Result<Node, Refusal> {
        let refuse = |problem: String| Err(from.place.refuse(function.name, problem, signature::form(function)));
        let [Some(list), Some(Expr::Lambda(lambda))] = written else {
            return refuse("takes an array and a lambda function".to_owned());
        };
        let list = self.expr(list)?;
        let Type::List(element) = list.ty.clone() else {
            return refuse(format!("takes an array, and `{}` is {}", list.from.text, list.ty));
        };
        let with_index = matches!(walk, Walk::Filter | Walk::Transform);
        let names = parameters(lambda);
        if names.is_empty() || names.len() > 1 + usize::from(with_index) {
            return refuse(format!("has a lambda function of {} parameters", names.len()));
        }
        let types = [(*element).clone(), Type::Int];
        let mut ids = Vec::new();
        let before = self.variables.len();
        for (name, ty) in names.into_iter().zip(types) {
            let id = self.planner.id();
            ids.push(id);
            self.variables.push(Named { qualifier: None, name, id, ty, hidden: false });
        }
        let subqueries = std::mem::replace(&mut self.subqueries, false);
        let body = self.expr(&lambda.body);
        self.subqueries = subqueries;
        self.variables.truncate(before);
        let body = body?;
        no_aggregate(&body, "a lambda function", "compute it in a WITH query before")?;
        let condition = matches!(body.ty, Type::Boolean | Type::Null);
        let (body, ty) = match walk {
            Walk::Transform => (body.clone(), Type::List(Box::new(body.ty))),
            _ if !condition => {
                let problem = format!("is {} where a condition stands", body.ty);
                return Err(body.from.place.refuse(&*body.from.text, problem, "compare it with something"));
            }
            Walk::Filter => (body.cast(&Type::Boolean), list.ty.clone()),
            Walk::All | Walk::Any => (body.cast(&Type::Boolean), Type::Boolean),
        };
        super::bounded(&[list.clone(), body.clone()], from)?;
        let lambda = Lambda { walk, parameters: ids };
        Ok(Node { op: Op::Lambda(lambda), args: vec![list, body], ty, from: from.clone() })
    }
}

fn parameters(lambda: &LambdaFunction) -> Vec<String> {
    match &lambda.params {
        OneOrManyWithParens::One(parameter) => vec![parameter.name.value.clone()],
        OneOrManyWithParens::Many(parameters) => {
            parameters.iter().map(|parameter| parameter.name.value.clone()).collect()
        }
    }
}
