//! The plugin that is tried.

use std::fs;
use std::path::{Path, PathBuf};

use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::Plugin;
use mortar_kits::Language;
use mortar_sandbox::WasmSandbox;

use crate::rehearsal::{self, RehearsalError};
use crate::wire::{self, WireError};

/// A plugin's files, and what runs them.
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its component.
    pub component: PathBuf,
    /// Its settings, where there are some.
    pub settings: Option<PathBuf>,
    sandbox: WasmSandbox,
    /// Where settings are put that a case has changed.
    folder: tempfile::TempDir,
}

/// A plugin, and the same one under another name: so its randomness is another one, and nothing else.
pub struct Pair {
    /// As it is.
    pub plugin: Plugin,
    /// The other one.
    pub other: Plugin,
}

impl Subject {
    /// The plugin of a folder, with `component` in the place of the one in it; or that of a file.
    ///
    /// # Errors
    /// There is none.
    pub fn at(place: &Path, component: Option<&Path>) -> Result<Self, RehearsalError> {
        let (name, component, settings) = match (place.is_dir(), component) {
            (true, Some(component)) => {
                (name_of(place), component.to_owned(), Some(place.join("plugin.toml")).filter(|file| file.is_file()))
            }
            (true, None) => {
                let component = only_component(place)?;
                (name_of(place), component, Some(place.join("plugin.toml")).filter(|file| file.is_file()))
            }
            (false, _) => {
                let beside = [place.with_extension("toml"), place.with_file_name("plugin.toml")];
                (name_of(&place.with_extension("")), place.to_owned(), beside.into_iter().find(|file| file.is_file()))
            }
        };
        let folder = tempfile::tempdir()?;
        let cache = cache().unwrap_or_else(|| folder.path().join("cache"));
        fs::create_dir_all(&cache)?;
        let sandbox = wire::scratch_sandbox(&cache).map_err(WireError::from)?;
        Ok(Self { name, component, settings, sandbox, folder })
    }

    /// Loads it, with a configuration that goes over its own.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn load(&self, config: &toml::Table) -> Result<Pair, RehearsalError> {
        let settings = if config.is_empty() { self.settings.clone() } else { Some(self.with(config)?) };
        let load = |name: String| rehearsal::load(&self.sandbox, name, self.component.clone(), settings.clone());
        Ok(Pair { plugin: load(self.name.clone()).await?, other: load("another-name".to_owned()).await? })
    }

    /// A file of its settings with another configuration.
    fn with(&self, config: &toml::Table) -> Result<PathBuf, RehearsalError> {
        let text = self.settings.as_ref().map(fs::read_to_string).transpose()?.unwrap_or_default();
        let wrong = |why: String| {
            let file = self.settings.clone().unwrap_or_default();
            RehearsalError::Plugin(vec![PluginProblem::new(&self.name, &file, code::SETTINGS, why)])
        };
        let mut settings: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        let own = settings.entry("config").or_insert_with(|| toml::Table::new().into());
        let own = own.as_table_mut().ok_or_else(|| wrong("`config` is no table".into()))?;
        own.extend(config.clone());
        let file = self.folder.path().join("plugin.toml");
        fs::write(&file, settings.to_string())?;
        Ok(file)
    }
}

/// The one component of a folder.
pub(crate) fn only_component(folder: &Path) -> Result<PathBuf, RehearsalError> {
    let parent = folder.canonicalize()?;
    let components: Vec<_> = fs::read_dir(&parent)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    match <[PathBuf; 1]>::try_from(components) {
        Ok([component]) => Ok(component),
        Err(others) => {
            let message = match (others.len(), Language::of(&parent)) {
                (0, Some(language)) => {
                    format!("its project in {language} is not built yet: say `mortar plugin build {}`", folder.display())
                }
                (count, _) => format!("{count} components (*.wasm) are in it, and one is needed: name it with --component FILE"),
            };
            let problem = PluginProblem::new(&name_of(folder), folder, code::NO_COMPONENT, message);
            Err(RehearsalError::Plugin(vec![problem]))
        }
    }
}

/// A name as a plugin's can be: that of a folder or of a file without its ending.
pub(crate) fn name_of(place: &Path) -> String {
    let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
    let name = place.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    if name.is_empty() { "plugin".to_owned() } else { name }
}

/// Where compiled components are kept between commands.
fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("mortar").join("components"))
}
