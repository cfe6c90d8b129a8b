//! Tests the author kits, and follows the tutorial of each language from an empty folder, word for word. The
//! plugin that comes of it is put into `target/plugins`: it is the hello plugin.
//!
//! | module | what is in it |
//! |---|---|
//! | [`c`] | the kit for C, with pip and `mortar-kits` |
//! | [`go`] | the kit for Go, with pip and `mortar-kits` |
//! | [`javascript`] | the kit for JavaScript and TypeScript, with npm |
//! | [`python`] | the kit for Python, with pip |
//! | [`stage`] | what is copied to where it is built, and whether it has to be |
//! | [`tutorial`] | a page's commands, typed |

mod c;
mod go;
mod javascript;
mod python;
mod stage;
mod tutorial;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::plugins;
use crate::run::{cargo, command, root, run, target};
use stage::Stage;

/// A language that has a kit.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Rust,
    Javascript,
    Typescript,
    Python,
    C,
    Go,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Javascript => "javascript",
            Self::Typescript => "typescript",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }

    /// The folder of its kit.
    fn kit(self) -> &'static str {
        match self {
            Self::Typescript => "javascript",
            other => other.name(),
        }
    }

    /// Installs its tool chain where it is missing, and says what has to be in the search path.
    fn install(self) -> Result<Option<PathBuf>> {
        match self {
            Self::Rust => plugins::install_target().map(|()| None),
            Self::Javascript | Self::Typescript => javascript::install().map(|_| None),
            Self::Python | Self::C => python::install(self.kit()).map(|_| None),
            Self::Go => python::install("go").map(|venv| Some(venv.join("bin"))),
        }
    }

    /// Rust's is a crate of the workspace, tested with it.
    fn test_kit(self, kit: &Stage) -> Result<()> {
        match self {
            Self::Rust => Ok(()),
            Self::Javascript | Self::Typescript => javascript::test_kit(kit),
            Self::Python => python::test_kit(kit),
            Self::C => c::test_kit(kit),
            Self::Go => go::test_kit(kit),
        }
    }
}

/// Builds these, or all whose tool chains can be had, and says what was skipped and why.
pub(crate) fn build(languages: &[Language]) -> Result<ExitCode> {
    // As the tests build it, so that nothing is built twice.
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let wanted = if languages.is_empty() { Language::value_variants() } else { languages };
    for language in wanted {
        let name = language.name();
        match language.install() {
            Ok(path) => one(*language, path.as_deref()).with_context(|| format!("hello-{name}"))?,
            Err(why) if languages.is_empty() => eprintln!("skipped hello-{name}: {why:#}"),
            Err(why) => return Err(why.context(format!("hello-{name} cannot be built"))),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one(language: Language, path: Option<&Path>) -> Result<()> {
    let name = format!("hello-{}", language.name());
    let kit = root().join("plugins/sdk").join(language.kit());
    let kit_stage = Stage::new(&kit, &format!("sdk-{}", language.kit()), &[&root().join("wit")])?;
    if kit_stage.changed()? {
        kit_stage.fill()?;
        language.test_kit(&kit_stage)?;
        kit_stage.done()?;
    }
    let project = root().join("examples/hello").join(language.name());
    // `host/kits/src/build` by its own name, because what is called `build` is taken for what tools make.
    let others = ["wit", "host/kits", "host/kits/src/build", "examples/hello/cases", "tests/mutants"].map(|folder| root().join(folder));
    let others: Vec<_> = std::iter::once(&kit).chain(&others).map(PathBuf::as_path).collect();
    let stage = Stage::new(&project, &name, &others)?;
    let component = plugins::directory().join(&name).join(format!("{name}.wasm"));
    if stage.changed()? || !component.exists() {
        stage.clear()?;
        let mortar = target().canonicalize()?.join("debug");
        let path = tutorial::search_path([Some(mortar.as_path()), path].into_iter().flatten())?;
        tutorial::follow(&project.join("README.md"), &stage.place, &path)?;
        let made = stage.place.join("my-erp");
        stage::copy_file(&made.join("plugin.wasm"), &component)?;
        stage::copy_file(&made.join("plugin.toml"), &component.with_file_name("plugin.toml"))?;
        mutant(language, &project, &made, &path)?;
        // Tool chains that are installed into a project are large.
        std::fs::remove_dir_all(&made).with_context(|| made.display().to_string())?;
        stage.done()?;
    }
    eprintln!("{} ({} KiB)", component.display(), std::fs::metadata(&component)?.len() / 1024);
    Ok(())
}

/// Builds the plugin with the faults that an author might make: its sources take the place of the hello
/// plugin's in the project that the tutorial made.
fn mutant(language: Language, hello: &Path, project: &Path, path: &OsStr) -> Result<()> {
    let (name, faults) = (format!("mutant-{}", language.name()), root().join("tests/mutants"));
    let is_source =
        |file: &Path| file.extension().is_some_and(|ending| ["c", "h", "go", "js", "py", "rs", "ts"].iter().any(|e| ending == *e));
    for file in stage::files(hello, false)?.iter().filter(|file| is_source(file)) {
        let file = project.join(file.strip_prefix(hello)?);
        std::fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    let own = faults.join(language.name());
    for file in stage::files(&own, false)? {
        stage::copy_file(&file, &project.join(file.strip_prefix(&own)?))?;
    }
    for file in ["plugin.toml", "wit/world.wit"] {
        stage::copy_file(&faults.join(file), &project.join(file))?;
    }
    let mortar = target().join("debug/mortar");
    run(command(&mortar.to_string_lossy(), &["plugin", "build"]).arg(project).env("PATH", path))?;
    let component = plugins::directory().join(&name).join(format!("{name}.wasm"));
    stage::copy_file(&project.join("plugin.wasm"), &component)?;
    stage::copy_file(&project.join("plugin.toml"), &component.with_file_name("plugin.toml"))
}

/// Where tool chains are installed.
fn tools(name: &str) -> PathBuf {
    target().join("tools").join(name)
}

/// Runs `mortar-kits` in a kit: bindings from the contract.
fn kits(project: &Stage, arguments: &[&str]) -> Result<()> {
    let kits = target().join("debug/mortar-kits");
    run(command(&kits.to_string_lossy(), arguments).current_dir(&project.place))
}
