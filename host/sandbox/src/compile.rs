//! From a component's bytes to machine code, in a process of its own: whatever a hostile component
//! does to the compiler, it does it there, and within limits. wasmtime 48 also keeps what a compiler
//! used for as long as its engine lives; here that ends with the process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytesize::ByteSize;
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::runtime::Handle;
use wasmtime::Engine;

use crate::engine;

/// The most that is read of what a compiler says, in bytes.
const SAID: u64 = 4096;

/// The exit code of a child that refuses the component.
const REFUSED: i32 = 1;

/// Who compiles.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// This process: for programs that trust their components.
    Here,
    /// A child process: `PROGRAM ARGUMENTS… MEMORY FILE`, which calls [`compile_as_child`].
    Child {
        /// The program.
        program: PathBuf,
        /// Its first arguments.
        arguments: Vec<String>,
        /// The memory that it may use.
        memory: ByteSize,
        /// The time that it may take.
        time: Duration,
    },
}

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum CompileError {
    /// The compiler refuses it.
    Invalid(String),
    /// It takes more time or memory than compiling may.
    Limit(String),
    /// It does not fit into the pool.
    Resources(wasmtime::Error),
    /// The compiler could not be run.
    Run(io::Error),
    /// The cache cannot take it.
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Compiler {
    /// Compiles a component into a file. Blocks; has to be called from within a runtime.
    pub(crate) fn compile(&self, bytes: &[u8], to: &Path) -> Result<(), CompileError> {
        match self {
            Self::Here => {
                let code = compile(bytes).map_err(CompileError::Invalid)?;
                write(to, &code).map_err(|error| CompileError::Store { path: to.to_owned(), error })
            }
            Self::Child { program, arguments, memory, time } => {
                let mut command = Command::new(program);
                command.args(arguments).arg(memory.as_u64().to_string()).arg(to);
                // Neither secrets nor files of the host are its business.
                // mimalloc would take a GiB in advance, which counts.
                command
                    .env_clear()
                    .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .kill_on_drop(true);
                let ran = Handle::current().block_on(async { tokio::time::timeout(*time, run(command, bytes)).await });
                let (status, said) = match ran {
                    Err(_) => return Err(CompileError::Limit(format!("compiling it took longer than {time:?} (`plugins.compile_time`)"))),
                    Ok(ran) => ran.map_err(CompileError::Run)?,
                };
                judge(status, said, *memory)
            }
        }
    }
}

/// Runs a compiler to its end: how it ended, and what it said.
async fn run(mut command: Command, bytes: &[u8]) -> io::Result<(ExitStatus, String)> {
    let mut child = command.spawn()?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that ended before it had read all says why by how it ended.
            let _ = stdin.write_all(bytes).await;
        }
    };
    let listen = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(SAID).read_to_end(&mut said).await;
        }
        String::from_utf8_lossy(&said).trim().to_owned()
    };
    let ((), said, status) = tokio::join!(feed, listen, child.wait());
    Ok((status?, said))
}

fn judge(status: ExitStatus, said: String, memory: ByteSize) -> Result<(), CompileError> {
    match status.code() {
        Some(0) => Ok(()),
        Some(REFUSED) => Err(CompileError::Invalid(said)),
        _ => Err(CompileError::Limit(format!(
            "its compiler broke down ({status}): compiling it takes more than {memory} of memory (`plugins.compile_memory`), \
             or breaks the compiler; {said}"
        ))),
    }
}

/// What the child does: limits itself, reads the component from its standard input, and writes its
/// code to the file. Answers with the exit code.
///
/// # Errors
/// What standard error is to say, before the process ends with code 1.
pub fn compile_as_child(memory: u64, to: &Path) -> Result<(), String> {
    // What it writes to counts, and not the address space that an allocator only reserves.
    let limited = setrlimit(Resource::Data, Rlimit { current: Some(memory), maximum: Some(memory) });
    limited.map_err(|error| format!("the memory cannot be limited to {}: {error}", ByteSize(memory)))?;
    // No image of the memory is left behind where it breaks; and what runs goes before it.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = nice(10);
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| format!("the component cannot be read: {error}"))?;
    write(to, &compile(&bytes)?).map_err(|error| format!("the code cannot be written: {error}"))
}

fn compile(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let engine = Engine::new(&engine::config());
    engine.and_then(|engine| engine.precompile_component(bytes)).map_err(|error| format!("{error:#}"))
}

/// Writes a file that only this user can read, and that is on disk then.
fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(code)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a compiler that does this.
    async fn compile(script: &str, time: Duration) -> Result<(), CompileError> {
        let arguments = vec!["-c".into(), script.into()];
        let compiler = Compiler::Child { program: "/bin/sh".into(), arguments, memory: ByteSize::mib(1), time };
        tokio::task::spawn_blocking(move || compiler.compile(&[0; 1 << 20], Path::new("/nowhere"))).await.unwrap()
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_compiler_that_takes_too_long_is_ended() {
        let ended = compile("exec sleep 1000", Duration::from_millis(1)).await;
        assert!(matches!(&ended, Err(CompileError::Limit(said)) if said.contains("plugins.compile_time")), "{ended:?}");
    }

    #[tokio::test]
    async fn a_compiler_that_breaks_down_is_no_verdict_on_the_component() {
        for script in ["kill -ABRT $$", "echo out of memory >&2; exit 101", "yes >&2"] {
            let broke = compile(script, Duration::from_secs(5)).await;
            assert!(matches!(&broke, Err(CompileError::Limit(_))), "{script}: {broke:?}");
        }
    }

    #[tokio::test]
    async fn what_a_compiler_refuses_is_told_in_its_words() {
        let refused = compile("echo no component >&2; exit 1", LONG).await;
        assert!(matches!(&refused, Err(CompileError::Invalid(said)) if said == "no component"), "{refused:?}");
        assert!(compile("cat > /dev/null", LONG).await.is_ok());
    }

    #[tokio::test]
    async fn secrets_of_the_host_are_not_handed_on() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "there is something to hand on");
        assert!(compile("test -z \"$CARGO_MANIFEST_DIR\"", LONG).await.is_ok());
    }
}
