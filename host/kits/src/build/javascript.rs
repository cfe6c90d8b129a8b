//! JavaScript and TypeScript: node and npm. What is run is the project's own script `build`, which leaves
//! the component in `build/plugin.wasm`.

use std::path::PathBuf;
use std::process::Command;

use super::BuildError;
use super::tools::{Tools, missing, version};

const NODE: u32 = 20;

pub(super) fn build(tools: &mut Tools<'_>) -> Result<PathBuf, BuildError> {
    let node = tools.looked("node", &["--version"]).as_deref().and_then(version);
    if node.is_none_or(|(major, _)| major < NODE) || tools.looked("npm", &["--version"]).is_none() {
        let install = "install it from nodejs.org, or on Debian with `apt install nodejs npm`";
        return Err(missing("Node.js 20 or newer with npm is needed", install));
    }
    tools.installed("node_modules", &["package.json", "kit/package.json"], |tools| {
        tools.run(Command::new("npm").args(["install", "--no-audit", "--no-fund", "--loglevel=error"])).map(drop)
    })?;
    tools.run(Command::new("npm").args(["run", "--silent", "build"]))?;
    let component = tools.folder.join("build/plugin.wasm");
    if component.is_file() {
        return Ok(component);
    }
    Err(BuildError::NoComponent("the script `build` of package.json has to leave it in build/plugin.wasm".into()))
}
