//! The folder, the host and the ERP that a plugin is developed with.

use std::fs;
use std::path::{Path, PathBuf};

use mortar_core::plugin::PluginSettings;
use mortar_core::toml_problems::read_toml;
use mortar_simulator::erp::{self, Erp, ErpOptions};
use toml::{Table, Value};

use crate::cli::exit::Failure;
use crate::demo;
use crate::demo::host::HostProcess;

/// All that runs. It goes with its folder.
pub(super) struct Setting {
    /// The author's folder.
    pub(super) plugin: PathBuf,
    /// The plugin's name in the host.
    pub(super) name: String,
    /// The host.
    pub(super) host: HostProcess,
    /// The ERP that is played.
    pub(super) erp: erp::Handle,
    /// Where it is; none where the plugin calls others.
    pub(super) erp_url: Option<String>,
    folder: tempfile::TempDir,
}

impl Setting {
    /// Starts ERP and host; the plugin is put in later.
    pub(super) async fn start(plugin: &Path, connections: Option<&Path>) -> Result<Self, Failure> {
        let name = super::name_of(plugin);
        let folder = tempfile::Builder::new().prefix("mortar-dev-").tempdir()?;
        let erp = Erp::bind(ErpOptions::default()).await?;
        let (url, handle) = (erp.url(), erp.handle());
        tokio::spawn(erp.run(std::future::pending()));
        let connections = match connections {
            Some(file) => real(file)?,
            None => played(&settings_of(plugin)?, &url),
        };
        let more = format!("[delivery.retry]\nfirst_delay = \"1s\"\nlongest_delay = \"5s\"\n\n{}", connections.text);
        demo::prepare(folder.path(), &more)?;
        fs::create_dir_all(folder.path().join("plugins").join(&name))?;
        let host = HostProcess::start(folder.path()).await?;
        let erp_url = connections.is_played.then_some(url);
        Ok(Self { plugin: plugin.to_owned(), name, host, erp: handle, erp_url, folder })
    }

    /// The host's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("mortar.toml")
    }

    /// True where faults can be asked for.
    pub(super) fn is_played(&self) -> bool {
        self.erp_url.is_some()
    }

    /// The plugin's settings as they are now; the defaults where they cannot be read, of which the host tells.
    pub(super) fn settings(&self) -> PluginSettings {
        settings_of(&self.plugin).unwrap_or_default()
    }

    /// Puts a component and the plugin's settings in force, each whole at once.
    pub(super) fn put(&self, component: &Path) -> Result<(), Failure> {
        let place = self.folder.path().join("plugins").join(&self.name);
        let settings = self.plugin.join("plugin.toml");
        for (from, name) in [(settings.as_path(), "plugin.toml"), (component, "plugin.wasm")] {
            if from.is_file() {
                let new = self.folder.path().join(name);
                fs::copy(from, &new)?;
                fs::rename(new, place.join(name))?;
            }
        }
        Ok(())
    }

    /// Ends the host.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.host.stop().await
    }
}

struct Connected {
    text: String,
    is_played: bool,
}

/// Every connection that the plugin is granted leads to the ERP that is played.
fn played(settings: &PluginSettings, url: &str) -> Connected {
    let line = |name: &String| {
        let header = "idempotency_header = \"Idempotency-Key\"";
        format!("[connections.{name}]\nurl = \"{url}\"\n{header}\nprivate_addresses = true\n")
    };
    Connected { text: settings.connections.iter().map(line).collect(), is_played: true }
}

/// The connections of another configuration, whose relative files stay where they are.
fn real(file: &Path) -> Result<Connected, Failure> {
    let failed = |why: String| Failure::Failed(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let mut all: Table = toml::from_str(&text).map_err(|error| failed(error.message().to_owned()))?;
    let mut connections = all.remove("connections").ok_or_else(|| failed("it has no [connections]".into()))?;
    let base = std::path::absolute(file)?;
    absolute(&mut connections, base.parent().unwrap_or(Path::new("/")));
    let text = Table::from_iter([("connections".to_owned(), connections)]).to_string();
    Ok(Connected { text, is_played: false })
}

/// Secrets in files: `{ file = "path" }`, however deep.
fn absolute(value: &mut Value, base: &Path) {
    let Value::Table(table) = value else { return };
    for (name, value) in table.iter_mut() {
        match value {
            Value::String(path) if name == "file" => *path = base.join(&*path).to_string_lossy().into_owned(),
            other => absolute(other, base),
        }
    }
}

fn settings_of(plugin: &Path) -> Result<PluginSettings, Failure> {
    let file = plugin.join("plugin.toml");
    let Ok(text) = fs::read_to_string(&file) else { return Ok(PluginSettings::default()) };
    read_toml(&text).map_err(|problems| {
        let told = problems.iter().map(|problem| format!("{}:{}:{}: {}", file.display(), problem.line, problem.column, problem.message));
        Failure::Failed(told.collect::<Vec<_>>().join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_of_a_plugin_leads_to_the_played_erp() {
        let settings: PluginSettings = toml::from_str("connections = [\"erp\", \"shop\"]").unwrap();
        let text: Table = toml::from_str(&played(&settings, "http://127.0.0.1:9").text).unwrap();
        assert_eq!(text["connections"]["shop"]["url"].as_str(), Some("http://127.0.0.1:9"));
        assert_eq!(text["connections"].as_table().unwrap().len(), 2);
    }

    #[test]
    fn secrets_of_another_configuration_are_read_from_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mortar.toml");
        fs::write(&file, "[connections.erp]\nurl = \"https://erp\"\nauth = { kind = \"bearer\", token = { file = \"token\" } }\n").unwrap();
        let connected = real(&file).unwrap();
        let text: Table = toml::from_str(&connected.text).unwrap();
        let token = &text["connections"]["erp"]["auth"]["token"]["file"];
        assert_eq!(token.as_str(), Some(folder.path().join("token").to_str().unwrap()));
        assert!(!connected.is_played);
        fs::write(&file, "[edge]\n").unwrap();
        assert!(real(&file).is_err_and(|failure| failure.to_string().contains("no [connections]")));
    }
}
