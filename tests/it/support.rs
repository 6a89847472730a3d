//! What the tests share: a server process, the command line, a repository of their own, a terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fvtop::client::api::Api;
use fvtop::client::endpoint::{ApiKey, Endpoint, parse_url};
use fvtop::platform::frame::timestamp_type;
use polars::prelude::{DataFrame, Expr, IntoLazy, ParquetWriter, col};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// The key that test servers accept.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_fvtop");

/// The program under test, shielded from the settings of whoever runs the tests.
pub(crate) fn fvtop() -> Command {
    shielded(Command::new(PROGRAM))
}

/// A command that runs the program, shielded in the same way.
pub(crate) fn shielded(mut command: Command) -> Command {
    for name in [
        "API_SERVICE",
        "FEATURE_SERVICE",
        "TECTON_API_KEY",
        "TECTON_WORKSPACE",
        "TECTON_CONFIG_PATH",
        "TECTON_CLIENT_CERT",
        "TECTON_CLIENT_KEY",
        "OAUTH_ACCESS_TOKEN",
        "FVTOP_CA_CERT",
        "FVTOP_CONFIG",
        "FVTOP_PROFILE",
        "NO_COLOR",
        "FVTOP_FEATURE_SEPARATOR",
        "FVTOP_DATA_DIR",
        "FVTOP_PATIENCE",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", "/nonexistent").env("XDG_DATA_HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// The example repository of the tree.
pub(crate) fn example_repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights")
}

/// An `fvtop serve` that need not be up yet; killed when dropped.
pub(crate) struct Starting {
    child: Child,
    key_file: PathBuf,
}

impl Starting {
    /// Starts the platform on a free port by a command that runs the program.
    pub(crate) fn new(program: Command, repository: &Path, data: &Path) -> Self {
        Self::with(program, repository, data, &[])
    }

    /// The same with further arguments.
    pub(crate) fn with(program: Command, repository: &Path, data: &Path, arguments: &[&str]) -> Self {
        let key_file = data.with_extension("key");
        std::fs::write(&key_file, KEY).unwrap();
        let key_argument = key_file.display().to_string();
        Self::keyless(program, repository, data, &[&["--api-key-file", &key_argument], arguments].concat())
    }

    /// The same without a key file: who is let in stands in the data directory. What [`Server::run`] asks with is the
    /// key in the file beside it, if there is one.
    pub(crate) fn keyless(mut program: Command, repository: &Path, data: &Path, arguments: &[&str]) -> Self {
        let key_file = data.with_extension("key");
        program.arg("serve").arg("--repo").arg(repository).arg("--data-dir").arg(data);
        if !arguments.contains(&"--listen") {
            program.args(["--listen", "127.0.0.1:0"]);
        }
        program.args(arguments);
        let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, key_file }
    }

    /// Waits for the end of a start that is refused: its exit code and what it said.
    pub(crate) fn refused(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }

    /// Waits for the `ready` line.
    pub(crate) fn ready(mut self) -> Server {
        let mut stderr = self.child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("ready url=").unwrap_or_else(|| panic!("not ready: {line:?}")).to_owned();
        Server { url, process: self }
    }

    /// Ends it as a power cut of the process would: SIGKILL, no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `fvtop serve`; killed when dropped.
pub(crate) struct Server {
    pub url: String,
    process: Starting,
}

impl Server {
    /// Starts the platform on a free port and waits for its `ready` line.
    pub(crate) fn start(repository: &Path, data: &Path) -> Self {
        Starting::new(fvtop(), repository, data).ready()
    }

    /// The same for a repository whose data are a link to those of the example.
    pub(crate) fn start_on_example_data(repository: &Path, data: &Path) -> Self {
        let there = example_repository().join("data").display().to_string();
        Starting::with(fvtop(), repository, data, &["--allow-sources", &there]).ready()
    }

    /// The calls to this server, in this process.
    pub(crate) fn api(&self) -> Api {
        let endpoint = Endpoint::new(parse_url(&self.url).unwrap(), ApiKey::new(KEY).unwrap(), None);
        Api::new(endpoint).unwrap()
    }

    /// Runs a headless command against this server.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = fvtop();
        command.args(arguments).arg("--url").arg(&self.url).arg("--api-key-file").arg(&self.process.key_file);
        command.output().unwrap()
    }

    /// Runs a headless command that must succeed with JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(arguments);
        let error = stderr(&output);
        assert!(output.status.success(), "{arguments:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {error}"))
    }

    /// Waits until every batch job of the view that is due has succeeded.
    pub(crate) fn wait_for_backfill(&self, view: &str) {
        wait_for(&format!("the backfill of {view}"), GUARD, || {
            let jobs = self.json(&["jobs", "--view", view, "--json"]);
            let jobs = jobs.as_array().expect("a list of jobs");
            let batch: Vec<_> = jobs.iter().filter(|job| job["type"] == "BATCH").collect();
            let open = batch.iter().any(|job| job["state"] != "SUCCESS" && job["state"] != "SCHEDULED");
            (!batch.is_empty() && !open).then_some(())
        });
    }

    /// Has a job write a window of a view into both stores, and waits for its success.
    pub(crate) fn write_window(&self, view: &str, (start, end): (&str, &str), more: &[&str]) {
        let window = ["--start", start, "--end", end, "--online", "--offline", "--wait", "--timeout", PATIENT];
        let output = self.run(&[&["jobs", "trigger", view], &window[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// The process, for signals.
    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Ends it as a power cut of the process would: SIGKILL, no goodbye.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// Ends it politely and gives its exit code.
    pub(crate) fn stop(mut self, signal: &str) -> Option<i32> {
        send(signal, self.pid());
        self.process.child.wait().unwrap().code()
    }
}

/// What a command wrote to standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text on standard output")
}

/// What a command wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text on standard error")
}

/// What a command wrote to standard output, then what it wrote to standard error.
pub(crate) fn printed(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

/// Writes the files of a repository, by their paths in it.
pub(crate) fn write_repository(repo: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = repo.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Writes a table to a Parquet file; the columns of these names hold microseconds and become instants.
pub(crate) fn write_parquet(path: &Path, rows: DataFrame, instants: &[&str]) {
    let casts: Vec<Expr> = instants.iter().map(|name| col(*name).cast(timestamp_type())).collect();
    let mut rows = rows.lazy().with_columns(casts).collect().unwrap();
    ParquetWriter::new(File::create(path).unwrap()).finish(&mut rows).unwrap();
}

/// Sends a signal by name.
pub(crate) fn send(signal: &str, pid: u32) {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().unwrap();
    assert!(status.success());
}

/// How long anything may take that comes by itself: a guard against waiting for ever, not a measure of speed. A machine
/// under load is no failure.
pub(crate) const GUARD: Duration = Duration::from_secs(900);
/// The same for a command that waits by itself.
pub(crate) const PATIENT: &str = "15m";

/// Waits until `done` gives something; what it waits for is said when the time is up.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut done: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = done() {
            return found;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A program in a pseudo-terminal, its screen kept by a terminal emulator.
pub(crate) struct Terminal {
    parser: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    held: Arc<AtomicBool>,
    reader: Option<std::thread::JoinHandle<()>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the console with these arguments and environment.
    pub(crate) fn start(columns: u16, rows: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_fvtop"));
        command.args(arguments);
        for name in ["API_SERVICE", "TECTON_API_KEY", "TECTON_WORKSPACE", "TECTON_CONFIG_PATH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("HOME", "/nonexistent");
        command.env("TERM", "xterm-256color");
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (screen, bytes) = (parser.clone(), raw.clone());
        let held = Arc::new(AtomicBool::new(false));
        let holds = held.clone();
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 65_536];
            loop {
                while holds.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let Ok(n @ 1..) = reader.read(&mut chunk) else { break };
                screen.lock().unwrap().process(&chunk[..n]);
                bytes.lock().unwrap().extend_from_slice(&chunk[..n]);
            }
        });
        let writer = pty.master.take_writer().unwrap();
        Self { parser, raw, writer, child, held, reader: Some(reader), _master: pty.master }
    }

    /// Takes nothing more from the program, like a link that has stalled, until it is let go again.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    /// The screen as text.
    pub(crate) fn screen(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// Types.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until `text` stands on the screen.
    pub(crate) fn until(&self, text: &str) {
        let started = Instant::now();
        while !self.screen().contains(text) {
            assert!(started.elapsed() < GUARD, "{text:?} never came:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until `text` is gone from the screen.
    pub(crate) fn until_gone(&self, text: &str) {
        let started = Instant::now();
        while self.screen().contains(text) {
            assert!(started.elapsed() < GUARD, "{text:?} stayed:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.child.process_id().unwrap());
    }

    /// Waits for the program's end and gives its exit code.
    pub(crate) fn ended(&mut self) -> u32 {
        let code = wait_for("the program's end", GUARD, || self.child.try_wait().unwrap());
        // The reader takes what is left in the terminal, which ends once nobody can write there any more.
        if let Some(reader) = self.reader.take().filter(|_| !self.held.load(Ordering::SeqCst)) {
            wait_for("the end of what was written", GUARD, || reader.is_finished().then_some(()));
        }
        code.exit_code()
    }

    /// Whether the terminal is as the program found it: main screen, cursor shown, no mouse, paste or focus mode.
    pub(crate) fn is_restored(&self) -> bool {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        let raw = self.raw.lock().unwrap();
        let after = |on: &str, off: &str| {
            let last = |code: &str| raw.windows(code.len()).rposition(|w| w == code.as_bytes());
            last(on).is_none_or(|on| last(off).is_some_and(|off| off > on))
        };
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && after("\x1b[?1004h", "\x1b[?1004l")
            && after("\x1b[?2026h", "\x1b[?2026l")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
