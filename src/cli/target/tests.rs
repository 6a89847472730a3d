//! Which deployment, key and workspace come of which surroundings.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::cli::profile::Profiles;

fn map(pairs: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn around(variables: &[(&str, &str)], config: &[(&str, &str)]) -> Surroundings {
    Surroundings { variables: map(variables), config: map(config), now: 100.0, ..Surroundings::default() }
}

fn with_tokens(around: Surroundings, tokens: &[(&str, &str)]) -> Surroundings {
    Surroundings { tokens: map(tokens), tokens_path: "/none/config.tokens".into(), ..around }
}

fn with_profiles(around: Surroundings, text: &str) -> Surroundings {
    Surroundings { profiles: Profiles::parse(Path::new("/c/config.toml"), text).unwrap(), ..around }
}

fn remote(args: &TargetArgs, around: &Surroundings) -> Endpoint {
    match resolve(args, around).unwrap().target {
        Target::Remote(endpoint) => *endpoint,
        Target::Embedded { .. } => panic!("embedded"),
    }
}

fn url(args: &TargetArgs, around: &Surroundings) -> String {
    match resolve(args, around).unwrap().target {
        Target::Remote(endpoint) => endpoint.url.to_string(),
        Target::Embedded { .. } => "embedded".to_owned(),
    }
}

fn key(key: &str) -> ApiKey {
    ApiKey::new(key).unwrap()
}

const KEY: (&str, &str) = ("TECTON_API_KEY", "k");

fn repository(dir: &str) -> TargetArgs {
    let embedded = EmbeddedArgs { repo: Some(dir.into()), ..Default::default() };
    TargetArgs { embedded, ..Default::default() }
}

#[test]
fn command_line_wins_over_environment_over_files() {
    let files = [("API_SERVICE", "https://file/api"), ("TECTON_WORKSPACE", "dev")];
    let set = around(&[("API_SERVICE", "https://env/api"), KEY], &files);
    let args = TargetArgs { url: Some("https://flag/api".into()), ..Default::default() };
    assert_eq!(url(&args, &set), "https://flag/api");
    assert_eq!(url(&TargetArgs::default(), &set), "https://env/api");
    let endpoint = remote(&TargetArgs::default(), &around(&[KEY], &files));
    assert_eq!((endpoint.url.as_str(), endpoint.workspace.as_deref()), ("https://file/api", Some("dev")));
    // The tokens file comes last of the files.
    let set = with_tokens(around(&[KEY], &[]), &[("API_SERVICE", "https://tokens/api")]);
    assert_eq!(url(&TargetArgs::default(), &set), "https://tokens/api");
}

#[test]
fn a_named_profile_wins_over_the_environment_and_the_default_profile_does_not() {
    let text = "default = \"a\"\n[profile.a]\nurl = \"https://a/api\"\nkey_env = \"A_KEY\"\nworkspace = \"wa\"\n\
                [profile.b]\nurl = \"https://b/api\"\nread_only = true\n[profile.here]\nworkspace = \"wh\"\n";
    let keys = [KEY, ("A_KEY", "ka")];
    let env = [keys[0], keys[1], ("API_SERVICE", "https://env/api"), ("TECTON_WORKSPACE", "we")];
    let by_variable = [env[0], env[1], env[2], env[3], ("FVTOP_PROFILE", "b")];
    let file = [("API_SERVICE", "https://file/api")];
    let named = |name: &str| TargetArgs { profile: Some(name.into()), ..Default::default() };
    let flag = TargetArgs { url: Some("https://flag/api".into()), ..Default::default() };
    for (args, variables, expected) in [
        (named("a"), &by_variable[..], "https://a/api"),
        (TargetArgs::default(), &by_variable[..], "https://b/api"),
        (TargetArgs::default(), &env[..], "https://env/api"),
        (TargetArgs::default(), &keys[..], "https://a/api"),
        (flag.clone(), &by_variable[..], "https://flag/api"),
        (repository("r"), &by_variable[..], "embedded"),
        (named("here"), &env[..], "embedded"),
    ] {
        assert_eq!(url(&args, &with_profiles(around(variables, &file), text)), expected, "{args:?}");
    }
    let set = with_profiles(around(&env, &file), text);
    let endpoint = remote(&named("a"), &set);
    assert_eq!((endpoint.key, endpoint.workspace.as_deref()), (key("ka"), Some("wa")));
    let endpoint = remote(&TargetArgs { workspace: Some("wf".into()), ..named("b") }, &set);
    assert_eq!((endpoint.key, endpoint.workspace.as_deref()), (key("k"), Some("wf")));
    assert!(resolve(&named("b"), &set).unwrap().read_only() && !resolve(&named("a"), &set).unwrap().read_only());
    // A profile that is not looked at does not lock either.
    assert!(!resolve(&flag, &with_profiles(around(&by_variable, &file), text)).unwrap().read_only());
    let unknown = resolve(&named("bb"), &set).unwrap_err();
    assert!(unknown.text.contains("`bb`") && unknown.text.contains("`b`"), "{unknown}");
    let unset = resolve(&named("a"), &with_profiles(around(&[KEY], &[]), text)).unwrap_err();
    assert!(unset.text.contains("A_KEY"), "{unset}");
}

#[test]
fn without_an_address_or_with_a_repository_it_is_the_embedded_platform() {
    assert_eq!(url(&TargetArgs::default(), &around(&[], &[])), "embedded");
    let args = repository("x");
    assert_eq!(url(&args, &around(&[("API_SERVICE", "https://env/api")], &[])), "embedded");
}

#[test]
fn a_missing_or_expired_key_says_what_to_do() {
    let args = TargetArgs { url: Some("https://c/api".into()), ..Default::default() };
    let failure = resolve(&args, &around(&[], &[])).unwrap_err();
    assert!(failure.code == CONNECTION && failure.text.contains("TECTON_API_KEY"), "{failure}");
    let home = [("API_SERVICE", "https://c/api")];
    let tokens = [("OAUTH_ACCESS_TOKEN", "t"), ("OAUTH_ACCESS_TOKEN_EXPIRATION", "99.5")];
    let failure = resolve(&args, &with_tokens(around(&[], &home), &tokens)).unwrap_err();
    assert!(
        failure.text.contains("/none/config.tokens has expired") && failure.text.contains("Log in again"),
        "{failure}"
    );
    // Where there is a key, it is used, and that is told.
    let choice = resolve(&args, &with_tokens(around(&[KEY], &home), &tokens)).unwrap();
    assert!(choice.warnings.iter().any(|warning| warning.contains("expired")), "{choice:?}");
    let tokens = [("OAUTH_ACCESS_TOKEN", "t"), ("OAUTH_ACCESS_TOKEN_EXPIRATION", "100.5")];
    assert!(resolve(&args, &with_tokens(around(&[], &home), &tokens)).is_ok());
    let args = TargetArgs { api_key_file: Some("/nonexistent/key".into()), ..args };
    assert!(resolve(&args, &around(&[], &[])).unwrap_err().text.contains("/nonexistent/key"));
}

#[test]
fn a_login_wins_over_the_key_but_for_the_feature_server() {
    let config = [("API_SERVICE", "https://c/api"), ("FEATURE_SERVICE", "https://f/api")];
    let tokens = [("OAUTH_ACCESS_TOKEN", "t")];
    let token = ApiKey::bearer("t").unwrap();
    let both = remote(&TargetArgs::default(), &with_tokens(around(&[KEY], &config), &tokens));
    assert_eq!(
        (both.key, both.feature_key, both.feature_url.as_str()),
        (token.clone(), Some(key("k")), "https://f/api")
    );
    let alone = remote(&TargetArgs::default(), &with_tokens(around(&[], &config), &tokens));
    assert_eq!((alone.key, alone.feature_key), (token, None));
    // A file that is named on the command line wins over all.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "# of this laptop\n\n named-key \n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let args = TargetArgs { api_key_file: Some(file), ..Default::default() };
    let named = resolve(&args, &with_tokens(around(&[KEY], &config), &tokens)).unwrap();
    let Target::Remote(endpoint) = named.target else { panic!() };
    assert_eq!((endpoint.key, endpoint.feature_key), (key("named-key"), Some(key("named-key"))));
    assert_eq!(named.warnings, Vec::<String>::new());
}

#[test]
fn a_login_is_sent_to_the_deployment_that_it_is_for_and_to_no_other() {
    let config = [("API_SERVICE", "https://c.example.com/api"), ("FEATURE_SERVICE", "https://f/api")];
    let set = with_tokens(around(&[], &config), &[("OAUTH_ACCESS_TOKEN", "t")]);
    let to = |address: &str| TargetArgs { url: Some(address.into()), ..Default::default() };
    assert!(resolve(&to("https://c.example.com/api"), &set).is_ok());
    let failure = resolve(&to("https://evil.example.com/api"), &set).unwrap_err();
    assert!(failure.text.contains("https://c.example.com/api") && failure.text.contains("TECTON_API_KEY"), "{failure}");
    // Scheme, host and port, all three; a port that goes without saying is one as well.
    for (home, address, ours) in [
        ("https://c.example.com/api", "https://c.example.com:443/api", true),
        ("https://c.example.com:443/tecton/api", "https://C.Example.com/api", true),
        ("https://c.example.com/api", "https://c.example.com:8443/api", false),
        ("https://c.example.com/api", "http://c.example.com/api", false),
        ("https://c.example.com/api", "http://c.example.com:443/api", false),
        ("http://c.example.com:8080/api", "http://c.example.com/api", false),
        ("https://c.example.com/api", "https://c.example.com.evil.example/api", false),
        ("https://c.example.com/api", "https://example.com/api", false),
        ("http://localhost:7070/api", "http://localhost:7071/api", false),
        ("c.example.com", "https://c.example.com/api", false),
    ] {
        for secret in ["OAUTH_ACCESS_TOKEN", "TECTON_API_KEY"] {
            let set = with_tokens(around(&[], &[("API_SERVICE", home)]), &[(secret, "hush")]);
            let found = resolve(&to(address), &set);
            assert_eq!(found.is_ok(), ours, "{secret} of {home} to {address}");
            assert!(found.err().is_none_or(|failure| !failure.text.contains("hush")));
        }
    }
    // What names no deployment is for none, whoever names one: the command line, the environment, a profile.
    let nameless = |variables: &[(&str, &str)]| with_tokens(around(variables, &[]), &[("OAUTH_ACCESS_TOKEN", "t")]);
    for (args, set) in [
        (to("https://evil.example.com/api"), nameless(&[])),
        (TargetArgs::default(), nameless(&[("API_SERVICE", "https://evil.example.com/api")])),
        (
            TargetArgs { profile: Some("p".into()), ..Default::default() },
            with_profiles(nameless(&[]), "[profile.p]\nurl = \"https://evil.example.com/api\"\n"),
        ),
    ] {
        let failure = resolve(&args, &set).unwrap_err();
        assert!(failure.code == CONNECTION && failure.text.contains("names no deployment"), "{failure}");
    }
    // The tokens may name it themselves.
    let own =
        with_tokens(around(&[], &[]), &[("OAUTH_ACCESS_TOKEN", "t"), ("API_SERVICE", "https://c.example.com/api")]);
    assert!(resolve(&to("https://c.example.com/api"), &own).is_ok() && resolve(&to("https://d/api"), &own).is_err());
    // Nor is the feature server of the one asked about the other.
    let other = remote(&to("https://d/api"), &around(&[KEY], &config));
    assert_eq!(other.feature_url.as_str(), "https://d/api");
    let other = remote(&TargetArgs::default(), &around(&[KEY, ("API_SERVICE", "https://d/api")], &config));
    assert_eq!(other.feature_url.as_str(), "https://d/api");
    // A key that is kept goes to the feature server that is kept with it, and to no other; one that is set goes where
    // it is told.
    let kept = [config[0], config[1], ("TECTON_API_KEY", "kept")];
    assert_eq!(remote(&TargetArgs::default(), &around(&[], &kept)).feature_key, Some(key("kept")));
    let elsewhere = ("FEATURE_SERVICE", "https://evil.example.com/api");
    let choice = resolve(&TargetArgs::default(), &around(&[elsewhere], &kept)).unwrap();
    let Target::Remote(endpoint) = choice.target else { panic!() };
    assert_eq!((endpoint.key, endpoint.feature_key), (key("kept"), None));
    assert!(choice.warnings[0].contains("https://evil.example.com"), "{:?}", choice.warnings);
    assert_eq!(remote(&TargetArgs::default(), &around(&[elsewhere, KEY], &kept)).feature_key, Some(key("k")));
}

#[test]
fn what_the_user_should_know_is_told() {
    let warnings = |address: &str| {
        let args = TargetArgs { url: Some(address.into()), ..Default::default() };
        resolve(&args, &around(&[KEY], &[])).unwrap().warnings
    };
    assert_eq!(
        (warnings("https://c/api"), warnings("https://c"), warnings("https://c/api/")),
        (vec![], vec![], vec![])
    );
    assert!(warnings("https://c/tecton")[0].contains("/api"));
    let dir = tempfile::tempdir().unwrap();
    let tokens_path = dir.path().join("config.tokens");
    std::fs::write(&tokens_path, "{}").unwrap();
    std::fs::set_permissions(&tokens_path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let set = with_tokens(around(&[], &[("API_SERVICE", "https://c/api")]), &[("OAUTH_ACCESS_TOKEN", "t")]);
    let choice = resolve(&TargetArgs::default(), &Surroundings { tokens_path, ..set }).unwrap();
    assert!(choice.warnings[0].contains("chmod 600"), "{choice:?}");
    assert!(!format!("{choice:?}").contains("Bearer"), "{choice:?}");
}

#[test]
fn a_certificate_comes_with_its_key() {
    let args = TargetArgs { url: Some("https://c/api".into()), ..Default::default() };
    let failure = resolve(&args, &around(&[KEY, ("TECTON_CLIENT_CERT", "c.pem")], &[])).unwrap_err();
    assert!(failure.text.contains("TECTON_CLIENT_KEY"), "{failure}");
    let both = [KEY, ("TECTON_CLIENT_CERT", "/none/c.pem"), ("TECTON_CLIENT_KEY", "/none/c.key")];
    let failure = resolve(&args, &around(&both, &[])).unwrap_err();
    assert!(failure.text.contains("/none/c.pem"), "{failure}");
}

#[test]
fn whom_to_trust_is_said_by_the_command_line_then_the_profile_then_the_environment() {
    let args = |ca_cert: Option<&str>| TargetArgs { ca_cert: ca_cert.map(Into::into), ..Default::default() };
    let profile = "[profile.p]\nurl = \"https://p/api\"\nca_cert = \"profile.pem\"\n";
    let named = |args: TargetArgs| TargetArgs { profile: Some("p".into()), ..args };
    let to = |args: TargetArgs| TargetArgs { url: Some("https://c/api".into()), ..args };
    let set = with_profiles(around(&[KEY, ("FVTOP_CA_CERT", "/none/variable.pem")], &[]), profile);
    for (args, file) in [
        (named(args(Some("/none/option.pem"))), "/none/option.pem"),
        (named(args(None)), "/c/profile.pem"),
        (to(args(Some("/none/option.pem"))), "/none/option.pem"),
        (to(args(None)), "/none/variable.pem"),
    ] {
        let failure = resolve(&args, &set).unwrap_err();
        assert!(failure.text.contains(&format!("{file} cannot be read")), "{failure}");
    }
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/authority.pem");
    let endpoint = remote(&to(args(Some(good))), &set);
    assert_eq!(format!("{:?}", endpoint.authorities), "Authorities(1)");
    let failure = resolve(&to(args(Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")))), &set).unwrap_err();
    assert!(failure.text.contains("Cargo.toml") && failure.text.contains("PEM"), "{failure}");
    // The embedded platform needs none of it.
    assert!(resolve(&repository("r"), &set).is_ok());
}
