//! The scripted deployment as a program for people, with a door through which faults are chosen while the console looks
//! on:
//!
//! ```text
//! FVTOP_SCRIPTED=7171 cargo test --test it -- --ignored --nocapture scripted_deployment
//! TECTON_API_KEY=any fvtop --url http://localhost:7171
//! curl localhost:7172/control                                        the faults there are, the calls that came
//! curl localhost:7172/control -d '{"fault": "http-500"}'             all calls fail from now on
//! curl localhost:7172/control -d '{"fault": "reset", "call": "GetFeatureFreshness", "times": 3}'
//! curl localhost:7172/control -d '{"listen": false}'                 nobody is at home
//! curl localhost:7172/control -d '{}'                                everything is well again
//! ```

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde::Deserialize;

use super::{Deployment, Style, fault};

/// What is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    fault: Option<String>,
    call: Option<String>,
    times: Option<u32>,
    listen: Option<bool>,
}

#[test]
#[ignore = "serves until it is killed: for people, on the port that FVTOP_SCRIPTED names"]
fn scripted_deployment() {
    let port = std::env::var("FVTOP_SCRIPTED").ok().and_then(|port| port.parse::<u16>().ok());
    let Some(port) = port else { return println!("FVTOP_SCRIPTED names no port: nothing is served.") };
    let style = match std::env::var("FVTOP_SCRIPTED_STYLE").as_deref() {
        Ok("0.5") => Style::Old,
        Ok("1.x") => Style::New,
        _ => Style::Full,
    };
    let deployment = Deployment::start_at(style, port);
    let door = TcpListener::bind(("127.0.0.1", port + 1)).unwrap();
    println!("{} is served; faults are chosen at http://localhost:{}/control", deployment.url, port + 1);
    for stream in door.incoming().flatten() {
        let said = match read(&stream) {
            Some(body) if body.is_empty() => list(&deployment),
            Some(body) => obey(&deployment, &body),
            None => continue,
        };
        let _ = write!(&stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}", said.len());
    }
}

fn read(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(("content-length", value)) = line.to_lowercase().trim_end().split_once(':') {
            length = value.trim().parse().ok()?;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn list(deployment: &Deployment) -> String {
    let mut said: String = fault::ALL.iter().map(|(name, _, sentence)| format!("{name:14}{sentence}\n")).collect();
    let mut counts = BTreeMap::new();
    for (_, call) in deployment.calls() {
        *counts.entry(call).or_insert(0) += 1;
    }
    said.extend(counts.iter().map(|(call, count)| format!("{count:6} {call}\n")));
    said
}

fn obey(deployment: &Deployment, body: &[u8]) -> String {
    let wanted: Wanted = match serde_json::from_slice(body) {
        Ok(wanted) => wanted,
        Err(error) => return format!("This is not understood: {error}.\n"),
    };
    if wanted.listen == Some(false) {
        deployment.leave();
        return "Nobody is at home.\n".to_owned();
    }
    match wanted.fault.as_deref().map(|name| (name, fault::named(name))) {
        None => {
            deployment.heal();
            "All is well.\n".to_owned()
        }
        Some((name, None)) => format!("There is no fault {name}.\n"),
        Some((name, Some(fault))) => {
            deployment.plan(fault, wanted.call, wanted.times);
            format!("{name} from now on.\n")
        }
    }
}
