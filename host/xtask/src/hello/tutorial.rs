//! A tutorial, word for word: what its page tells to type is typed, from an empty folder, and what it shows
//! has to be printed.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::run::command;

/// What is typed, and what is shown to come of all of it.
struct Tutorial {
    typed: String,
    shown: Vec<String>,
}

/// Follows the tutorial of a page in a folder, with these folders first in the search path.
pub(super) fn follow(page: &Path, folder: &Path, path: &[&Path]) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let Tutorial { typed, shown } = read(&text);
    if typed.is_empty() {
        bail!("{} tells nothing to type", page.display());
    }
    eprintln!("$ cd {} # and everything that {} says", folder.display(), page.display());
    let ours = path.iter().map(|folder| folder.to_path_buf());
    let searched = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = std::env::join_paths(ours.chain(searched))?;
    let script = format!("exec 2>&1\nset -eux\n{typed}");
    let output = command("sh", &["-c", &script]).current_dir(folder).env("PATH", path).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("what {} says does not work ({}):\n{said}", page.display(), output.status);
    }
    let mut lines = said.lines().map(str::trim_end);
    for line in &shown {
        if !lines.any(|said| said == line) {
            bail!("{} shows `{line}`, which is not printed, or not there:\n{said}", page.display());
        }
    }
    Ok(())
}

/// The console blocks of a page: a line after `$ ` is typed, with those that it goes on in; others are shown.
fn read(page: &str) -> Tutorial {
    let mut tutorial = Tutorial { typed: String::new(), shown: Vec::new() };
    let (mut console, mut goes_on) = (false, false);
    for line in page.lines() {
        match line {
            "```console" => console = true,
            "```" => console = false,
            line if console => match line.strip_prefix("$ ").or(goes_on.then_some(line)) {
                Some(typed) => {
                    tutorial.typed.push_str(&format!("{typed}\n"));
                    goes_on = typed.ends_with('\\');
                }
                None => tutorial.shown.push(line.trim_end().to_owned()),
            },
            _ => {}
        }
    }
    tutorial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_after_a_dollar_is_typed_and_the_rest_is_shown() {
        let page = "# Title\n\n```console\n$ one \\\n    more\nsaid\n```\n\n```\n$ not\n```\n\n```console\n$ two\n```\n";
        let Tutorial { typed, shown } = read(page);
        assert_eq!((typed.as_str(), shown), ("one \\\n    more\ntwo\n", vec!["said".to_owned()]));
    }

    #[test]
    fn a_page_that_is_wrong_is_found() {
        let folder = std::env::temp_dir();
        let tried = |page: &str| {
            let file = folder.join(format!("tutorial-{}.md", std::process::id()));
            std::fs::write(&file, format!("```console\n{page}\n```\n")).expect("a page can be written");
            let followed = follow(&file, &folder, &[]);
            std::fs::remove_file(&file).expect("it can be removed");
            followed.map_err(|error| error.to_string())
        };
        assert_eq!(tried("$ echo well\nwell"), Ok(()));
        assert!(tried("$ echo well\nbetter").is_err_and(|error| error.contains("shows `better`")));
        assert!(tried("$ no-such-command").is_err_and(|error| error.contains("does not work")));
    }
}
