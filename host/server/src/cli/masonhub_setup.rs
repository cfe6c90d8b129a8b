//! A configuration for tests whose source has an API.

use std::path::Path;
use std::sync::Arc;

use super::masonhub::Unobserved;
use crate::config;
use crate::masonhub::Api;
use crate::wire::SystemClock;

/// A folder with a `mortar.toml` whose source asks the API at `url` with a secret phrase.
pub(crate) fn configuration(url: &str, phrase: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{{ file = \"phrase\" }}]\n\
         [sources.masonhub.api]\nurl = \"{url}\"\nprivate_addresses = true\n\
         auth = {{ kind = \"secret-phrase\", token_url = \"{url}/secrets\", secret_phrase = {{ file = \"phrase\" }} }}\n"
    );
    std::fs::write(folder.path().join("mortar.toml"), text).unwrap();
    std::fs::write(folder.path().join("phrase"), phrase).unwrap();
    folder
}

/// The API of that configuration.
pub(crate) fn api(folder: &Path) -> Api {
    let loaded = config::read(&folder.join("mortar.toml")).unwrap();
    Api::new(&loaded, "masonhub", Arc::new(SystemClock), Arc::new(Unobserved)).unwrap()
}
