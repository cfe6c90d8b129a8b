//! Builds the hello plugin of each language to `target/plugins`, with the tool chain that its authors
//! use, and tests the kits.
//!
//! | module | what is in it |
//! |---|---|
//! | [`c`] | C, with pip and `mortar-kits` |
//! | [`go`] | Go, with pip and `mortar-kits` |
//! | [`javascript`] | JavaScript and TypeScript, with npm |
//! | [`python`] | Python, with pip |
//! | [`stage`] | a project copied to where it is built, and whether it has to be |

mod c;
mod go;
mod javascript;
mod python;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::plugins;
use crate::run::{cargo, command, root, run, target};
use stage::Stage;

/// A language that has a kit, beside Rust, whose plugins `cargo xtask plugins` builds.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Javascript,
    Typescript,
    Python,
    C,
    Go,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
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
            Self::Javascript | Self::Typescript => "javascript",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }

    /// Why its tool chain cannot be had.
    fn missing(self) -> Option<String> {
        match self {
            Self::Javascript | Self::Typescript => javascript::missing(),
            Self::Python => python::missing(),
            Self::C => c::missing(),
            Self::Go => go::missing(),
        }
    }

    fn test_kit(self, kit: &Stage) -> Result<()> {
        match self {
            Self::Javascript | Self::Typescript => javascript::test_kit(kit),
            Self::Python => python::test_kit(kit),
            Self::C => c::test_kit(kit),
            Self::Go => go::test_kit(kit),
        }
    }

    /// Leaves the component in `build/plugin.wasm`.
    fn build(self, hello: &Stage) -> Result<()> {
        match self {
            Self::Javascript | Self::Typescript => javascript::build(hello),
            Self::Python => python::build(hello),
            Self::C => c::build(hello),
            Self::Go => go::build(hello),
        }
    }
}

/// Builds these, or all whose tool chains can be had, and says what was skipped and why.
pub(crate) fn build(languages: &[Language]) -> Result<ExitCode> {
    let wanted = if languages.is_empty() { Language::value_variants() } else { languages };
    for language in wanted {
        match language.missing() {
            None => one(*language).with_context(|| format!("hello-{}", language.name()))?,
            Some(why) if languages.is_empty() => eprintln!("skipped hello-{}: {why}", language.name()),
            Some(why) => bail!("hello-{} cannot be built: {why}", language.name()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one(language: Language) -> Result<()> {
    let name = format!("hello-{}", language.name());
    let kit = root().join("plugins/sdk").join(language.kit());
    let kit_stage = Stage::new(&kit, &format!("sdk-{}", language.kit()), &[&root().join("wit")])?;
    if kit_stage.changed()? {
        kit_stage.fill()?;
        language.test_kit(&kit_stage)?;
        kit_stage.done()?;
    }
    let project = root().join("examples/hello").join(language.name());
    let hello = Stage::new(&project, &name, &[&root().join("wit"), &kit])?;
    let component = plugins::directory().join(&name).join(format!("{name}.wasm"));
    if hello.changed()? || !component.exists() {
        hello.fill()?;
        hello.lay_out_contract()?;
        language.build(&hello)?;
        stage::copy_file(&hello.place.join("build/plugin.wasm"), &component)?;
        stage::copy_file(&project.join("plugin.toml"), &component.with_file_name("plugin.toml"))?;
        hello.done()?;
    }
    eprintln!("{} ({} KiB)", component.display(), std::fs::metadata(&component)?.len() / 1024);
    Ok(())
}

/// Where tool chains are installed.
fn tools(name: &str) -> PathBuf {
    target().join("tools").join(name)
}

/// Runs `mortar-kits` in a project: bindings from the contract, components from modules.
fn kits(project: &Stage, arguments: &[&str]) -> Result<()> {
    run(&mut cargo(&["build", "--quiet", "--package", "mortar-kits"]))?;
    let kits = target().join("debug/mortar-kits");
    run(command(&kits.to_string_lossy(), arguments).current_dir(&project.place))
}
