//! Feature services: what sound ones hold, and the whole text of errors.

use super::*;

/// Views `sound` and `wide` (keys carrier, origin; carrier left out of lookups) and `offline`, a broken one, and two
/// workspaces.
fn with_services(services: &str) -> (Vec<String>, Vec<std::sync::Arc<crate::platform::definition::FeatureService>>) {
    let view = |name: &str| VIEW.replace("NAME", name);
    let (select, wider) = ("SELECT carrier,", "SELECT carrier, origin,");
    let wide = view("wide").replace("[\"carrier\"]", "[\"carrier\", \"origin\"]").replace(select, wider);
    let crossed = view("crossed").replace("[\"carrier\"]", "[\"carrier\", \"origin\"]").replace(select, wider);
    let entities = "[[entity]]\nname = \"carrier\"\njoin_keys = [{ name = \"carrier\", type = \"string\" }]\n\
                    [[entity]]\nname = \"origin\"\njoin_keys = [{ name = \"origin\", type = \"string\" }]\n";
    let workspaces = "[[workspace]]\nname = \"prod\"\nlive = true\n[[workspace]]\nname = \"dev\"\n";
    let root = repository(&[
        ("workspaces.toml", workspaces),
        ("entities.toml", entities),
        ("views/wide.toml", &format!("online_serving_index = [\"origin\"]\n{wide}")),
        ("views/crossed.toml", &format!("online_serving_index = [\"carrier\"]\n{crossed}")),
        ("views/offline.toml", &view("offline").replace("online = true", "workspaces = [\"dev\"]")),
        ("views/broken.toml", "name = \"broken\"\ncolour = 1\n"),
        ("services.toml", services),
    ]);
    let loaded = load_with(root.path(), &[data()]);
    let errors = loaded.errors.iter().filter(|error| !error.file.starts_with("views")).map(ToString::to_string);
    (errors.collect(), loaded.services)
}

#[test]
fn a_service_is_in_every_workspace_that_has_its_views() {
    let text = "[[feature_service]]\nname = \"both\"\nowner = \"me\"\ntags = { tier = \"1\" }\nfeatures = [\"wide\", \"sound\"]\n\
                [[feature_service]]\nname = \"later\"\nonline_serving_enabled = false\nfeatures = [\"sound\", \"offline\"]\n";
    let (errors, services) = with_services(text);
    assert_eq!(errors, Vec::<String>::new());
    let found: Vec<_> = services.iter().map(|s| (s.name.as_str(), s.workspace.as_str(), s.items.len())).collect();
    assert_eq!(found, [("both", "prod", 2), ("both", "dev", 2), ("later", "dev", 2)]);
    assert_eq!((services[0].owner.as_str(), services[0].tags["tier"].as_str()), ("me", "1"));
    let wide = &services[0].items[0];
    assert_eq!((wide.namespace.as_str(), wide.wildcard_key()), ("wide", Some("carrier")));
    assert_eq!(wide.features, ["dep_delay_mean_6h_1h"]);
    assert_ne!(services[0].id, services[1].id);
    assert_eq!(services[1].items[0].view.workspace, "dev");
}

#[test]
fn a_view_may_come_twice_under_other_names() {
    let text = "[[feature_service]]\nname = \"twice\"\nfeatures = [\n  { view = \"sound\" },\n  \
                { view = \"sound\", namespace = \"partner\", join_keys = { carrier = \"partner\" } },\n]\n";
    let (errors, services) = with_services(text);
    assert_eq!(errors, Vec::<String>::new());
    let keys: Vec<_> = services[0].items.iter().flat_map(|item| item.keys().map(|(name, _)| name)).collect();
    assert_eq!(keys, ["carrier", "partner"]);
}

#[test]
fn without_the_file_there_are_no_services() {
    let loaded = load_with(repository(&[]).path(), &[data()]);
    assert!(loaded.errors.is_empty() && loaded.services.is_empty());
}

#[test]
fn every_error_of_a_service_names_line_field_and_fix() {
    let cases = [
        ("", "name", "is missing. add `name = \"...\"`, the name of the feature_service"),
        (
            "name = \"s\"",
            "features",
            "is missing. add `features = [\"...\"]`, names of views, or a list of `{ view = \"...\", features = [\"...\"] }`",
        ),
        (
            "name = \"s\"\nfeatures = []",
            "features",
            "names no view. write `features = [\"...\"]`, names of views, or a list of \
             `{ view = \"...\", features = [\"...\"] }`",
        ),
        ("name = \"s\"\nfeatures = [\"sund\"]", "features", "there is no view `sund`. did you mean `sound`?"),
        ("name = \"s\"\nfeatures = [\"broken\"]", "features", "view `broken` has errors. correct them first"),
        (
            "name = \"s\"\nfeatures = [\"offline\"]",
            "features",
            "view `offline` is not written to the online store. add `online = true` to the view, or \
             `online_serving_enabled = false` to the service",
        ),
        (
            "name = \"s\"\nfeatures = [\"sound\", \"sound\"]",
            "features",
            "the namespace `sound` comes twice. give one of them another with `{ view = \"...\", namespace = \"...\" }`",
        ),
        (
            "name = \"s\"\nfeatures = { view = \"sound\", features = [\"dep_delay_mean_6h\"] }",
            "features",
            "`dep_delay_mean_6h` is not a feature of `sound`. did you mean `dep_delay_mean_6h_1h`?",
        ),
        (
            "name = \"s\"\nfeatures = { view = \"sound\", join_keys = { carier = \"x\" } }",
            "features",
            "`carier` is not a join key of `sound`. did you mean `carrier`?",
        ),
        (
            "name = \"s\"\nfeatures = { view = \"wide\", join_keys = { carrier = \"origin\" } }",
            "features",
            "view `wide` has the join key `origin` twice. give one of them another name with `join_keys = { KEY = \"...\" }`",
        ),
        (
            "name = \"s\"\nfeatures = [\"wide\", \"crossed\"]",
            "features",
            "views leave out different join keys of lookups, `carrier` and `origin`. make a service of each",
        ),
        (
            "name = \"s\"\nfeatures = [\"offline\"]\nonline_serving_enabled = false\nworkspaces = [\"prod\"]",
            "workspaces",
            "not all of its views are in workspace `prod`. remove that workspace, or add it to the views",
        ),
        ("name = \"s\"\nfeatures = [\"sound\"]\ncolour = 1", "colour", "is not a known field. use one of name, "),
    ];
    for (service, field, expected) in cases {
        let (errors, services) = with_services(&format!("[[feature_service]]\n{service}\n"));
        let text = errors.first().cloned().unwrap_or_default();
        assert!(text.starts_with("services.toml:") && text.contains(&format!("].{field}: {expected}")), "{errors:?}");
        assert_eq!(services, [], "{expected}");
    }
}
