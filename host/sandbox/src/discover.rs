//! The plugin directory: which plugins it holds, before any of their files is opened.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{Found, Listing};

use crate::error::unreadable;

/// The settings file in a plugin's folder.
const SETTINGS: &str = "plugin.toml";

/// Lists the plugins of a directory by name: a folder `NAME/` with exactly one `*.wasm` and
/// perhaps a `plugin.toml`, or a file `NAME.wasm` with perhaps a `NAME.toml` beside it. Hidden
/// files and files of other kinds do not count. What looks like a plugin and is none is a problem.
/// No file is opened, and none has a stamp yet or counts as whole.
///
/// # Errors
/// The directory cannot be listed.
pub fn discover(directory: &Path) -> io::Result<Listing> {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for path in entries(directory)? {
        match plugin_at(&path) {
            None => {}
            Some(Err(problem)) => problems.push(problem),
            Some(Ok(plugin)) => {
                if let Some(Found { component, .. }) = found.get(&plugin.name) {
                    let message = format!("there is also {}: a plugin's name is its own; rename or remove one", Path::display(component));
                    problems.push(PluginProblem::new(&plugin.name, &path, code::NAME, message));
                } else {
                    found.insert(plugin.name.clone(), plugin);
                }
            }
        }
    }
    Ok(Listing { found: found.into_values().collect(), problems })
}

/// The files of a candidate: a component with the settings beside it, and with those of `like` where
/// there are none; or settings alone, with the component of `like`.
pub(crate) fn candidate(file: &Path, like: Found) -> Found {
    if extension(file) == "toml" {
        return Found { settings: Some(file.to_owned()), ..like };
    }
    let beside = [file.with_extension("toml"), file.with_file_name(SETTINGS)].into_iter().find(|settings| settings.is_file());
    Found { component: file.to_owned(), settings: beside.or(like.settings), ..like }
}

/// What is in a folder, without hidden files, by name.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn plugin_at(path: &Path) -> Option<Result<Found, PluginProblem>> {
    if path.is_dir() {
        return Some(folder(path));
    }
    let name = stem(path);
    match extension(path) {
        "wasm" => Some(named(&name, path).map(|()| {
            let settings = path.with_extension("toml");
            Found { name, component: path.to_owned(), settings: settings.is_file().then_some(settings), stamp: 0, whole: false }
        })),
        "toml" if !path.with_extension("wasm").is_file() => {
            let message = format!("settings of a plugin that is not there: put {name}.wasm beside it, or remove it");
            Some(Err(PluginProblem::new(&name, path, code::NO_COMPONENT, message)))
        }
        other => not_loadable(&name, path, other).map(Err),
    }
}

fn folder(path: &Path) -> Result<Found, PluginProblem> {
    let name = file_name(path);
    named(&name, path)?;
    let files = entries(path).map_err(|error| unreadable(&name, path, &error))?;
    let (components, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| extension(file) == "wasm");
    match <[PathBuf; 1]>::try_from(components) {
        Ok([component]) => {
            let settings = others.into_iter().find(|file| file_name(file) == SETTINGS);
            Ok(Found { name, component, settings, stamp: 0, whole: false })
        }
        Err(none) if none.is_empty() => {
            Err(others.iter().find_map(|file| not_loadable(&name, file, extension(file))).unwrap_or_else(|| {
                PluginProblem::new(
                    &name,
                    path,
                    code::NO_COMPONENT,
                    "no *.wasm in it: put the plugin's component there, or remove the folder",
                )
            }))
        }
        Err(several) => {
            let names: Vec<_> = several.iter().map(|file| file_name(file)).collect();
            let message = format!("{} components in one folder ({}): a plugin is one; remove the others", names.len(), names.join(", "));
            Err(PluginProblem::new(&name, path, code::SEVERAL_COMPONENTS, message))
        }
    }
}

/// A file that somebody may take for a component.
fn not_loadable(name: &str, path: &Path, extension: &str) -> Option<PluginProblem> {
    let (code, message) = match extension {
        "wat" => (code::TEXT_FORMAT, TEXT_FORMAT),
        "cwasm" => (code::PRECOMPILED, PRECOMPILED),
        _ => return None,
    };
    Some(PluginProblem::new(name, path, code, message))
}

pub(crate) const TEXT_FORMAT: &str =
    "this is WebAssembly text: make it a binary component with `wasm-tools parse IN.wat -o OUT.wasm`, and put that there";
pub(crate) const PRECOMPILED: &str = "this is compiled code, which the host never loads because it cannot be checked: put the component (*.wasm) there, the host compiles it";

fn named(name: &str, path: &Path) -> Result<(), PluginProblem> {
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(());
    }
    let message = format!("`{name}` cannot be a plugin's name: rename it to 1 to 64 of a-z, 0-9 and -");
    Err(PluginProblem::new(name, path, code::NAME, message))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_takes_what_it_lacks_from_another_generation() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        fs::write(place("new.wasm"), "").unwrap();
        let like = Found { name: "shop".into(), component: "c".into(), settings: Some("s".into()), stamp: 0, whole: true };
        let parts = |file: &str| {
            let found = candidate(&place(file), like.clone());
            (found.component, found.settings.unwrap())
        };
        assert_eq!(parts("new.wasm"), (place("new.wasm"), "s".into()));
        assert_eq!(parts("other.toml"), ("c".into(), place("other.toml")));
        fs::write(place("plugin.toml"), "").unwrap();
        assert_eq!(parts("new.wasm"), (place("new.wasm"), place("plugin.toml")));
        fs::write(place("new.toml"), "").unwrap();
        assert_eq!(parts("new.wasm"), (place("new.wasm"), place("new.toml")));
    }

    fn directory(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn folders_and_bare_files_are_plugins_and_other_files_are_not() {
        let root = directory(&["b/any.wasm", "b/plugin.toml", "b/src/lib.rs", "a.wasm", "a.toml", "c.wasm", "README.md", ".cache/x.wasm"]);
        let Listing { found, problems } = discover(root.path()).unwrap();
        let at = |file: &str| root.path().join(file);
        assert_eq!(problems, []);
        assert_eq!(
            found,
            [
                Found { name: "a".into(), component: at("a.wasm"), settings: Some(at("a.toml")), stamp: 0, whole: false },
                Found { name: "b".into(), component: at("b/any.wasm"), settings: Some(at("b/plugin.toml")), stamp: 0, whole: false },
                Found { name: "c".into(), component: at("c.wasm"), settings: None, stamp: 0, whole: false },
            ]
        );
    }

    #[test]
    fn what_only_looks_like_a_plugin_is_a_problem() {
        let root = directory(&[
            "empty/plugin.toml",
            "fast.cwasm",
            "lonely.toml",
            "Shop.wasm",
            "text/a.wat",
            "twice.wasm",
            "twice/a.wasm",
            "two/a.wasm",
            "two/b.wasm",
        ]);
        let Listing { found, problems } = discover(root.path()).unwrap();
        assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["twice"]);
        let mut codes: Vec<_> = problems.iter().map(|p| (p.plugin.as_str(), p.code)).collect();
        codes.sort_unstable();
        assert_eq!(
            codes,
            [
                ("Shop", code::NAME),
                ("empty", code::NO_COMPONENT),
                ("fast", code::PRECOMPILED),
                ("lonely", code::NO_COMPONENT),
                ("text", code::TEXT_FORMAT),
                ("twice", code::NAME),
                ("two", code::SEVERAL_COMPONENTS),
            ]
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        assert_eq!(discover(Path::new("/nonexistent/plugins")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
