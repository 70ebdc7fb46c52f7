//! A server as a process of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

/// A server's process that listens. It is killed when dropped.
pub struct Process {
    child: Child,
    /// Reads the log all the time: a full pipe would stop the process.
    log: Option<JoinHandle<io::Result<String>>>,
    /// The line that it printed when it was ready.
    pub ready: String,
}

/// Runs `program` to its end; of this process's environment it sees nothing.
pub fn output(program: &str, args: &[&str], env: &[(&str, &str)]) -> io::Result<Output> {
    command(program, args, env).output()
}

/// What `program` prints, errors behind the rest, and its exit code.
pub fn screen(program: &str, args: &[&str], env: &[(&str, &str)]) -> io::Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = output(program, args, env)?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    let code = status
        .code()
        .map_or("none".to_owned(), |code| code.to_string());
    Ok(format!("{stdout}{stderr}exit code {code}"))
}

fn command(program: &str, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::null());
    command
}

impl Process {
    /// Starts `program` and waits for its first line.
    pub fn start(program: &str, args: &[&str], env: &[(&str, &str)]) -> io::Result<Process> {
        let mut child = command(program, args, env)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut ready)?;
        }
        let log = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut log = String::new();
                stderr.read_to_string(&mut log)?;
                Ok(log)
            })
        });
        let ready = ready.trim_end().to_owned();
        Ok(Process { child, log, ready })
    }

    /// The URL at the end of its first line.
    pub fn url(&self) -> &str {
        self.ready.rsplit(' ').next().unwrap_or_default()
    }

    /// Sends it `signal`, as in `INT`.
    pub fn signal(&self, signal: &str) -> io::Result<()> {
        let kill = format!("kill -{signal} {}", self.child.id());
        Command::new("sh").args(["-c", &kill]).status().map(drop)
    }

    /// Sends it `signal`, and gives its exit code and what it has written to
    /// standard error.
    pub fn end_by(mut self, signal: &str) -> io::Result<(Option<i32>, String)> {
        self.signal(signal)?;
        let code = self.child.wait()?.code();
        let log = self.log.take().map(JoinHandle::join);
        let log = log.and_then(Result::ok).transpose()?.unwrap_or_default();
        Ok((code, log))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
