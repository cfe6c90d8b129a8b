//! Plugins: what is in force, what was, and what may be.

use axum::extract::Path;

use crate::admin_types::RollBack;
use crate::cli::exit::Failure;
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Posted, Visit};

pub(in crate::dashboard) async fn list(visit: Visit) -> Page {
    let plugins = visit.api.plugins().await.map_err(|failure| visit.refused(&failure))?;
    visit.page("plugins.html", about! { title => "Plugins", plugins })
}

pub(in crate::dashboard) async fn show(visit: Visit, Path(name): Path<String>) -> Page {
    let plugin = visit.api.plugin(&name).await.map_err(|failure| visit.refused(&failure))?;
    visit.page("plugin.html", about! { title => format!("Plugin {name}"), plugin })
}

pub(in crate::dashboard) async fn act(Path((name, action)): Path<(String, String)>, posted: Posted) -> Page {
    let done = act_on(&posted, &name, &action).await;
    posted.back(done)
}

async fn act_on(posted: &Posted, name: &str, action: &str) -> Result<String, Failure> {
    let api = &posted.visit.api;
    let in_force = |digest: String| format!("Generation {} of {name} is in force.", digest.get(..12).unwrap_or(&digest));
    match action {
        "rollback" => {
            let to = Some(posted.field("to").to_owned()).filter(|to| !to.is_empty());
            api.roll_back(name, &RollBack { to }).await.map(|back| in_force(back.digest))
        }
        "pin" => api.pin(name, true).await.map(|()| format!("{name} stays as it is, whatever files come.")),
        "unpin" => api.pin(name, false).await.map(|()| format!("{name} follows its files again.")),
        "promote" => api.promote(name).await.map(|promoted| in_force(promoted.digest)),
        "promote-shadow" => api.promote_shadow(name).await.map(|promoted| in_force(promoted.digest)),
        "stop-shadow" => api.stop_shadow(name).await.map(|()| format!("Nothing runs beside {name} any more.")),
        _ => Err(Failure::Usage(format!("nothing is known that is called {action}"))),
    }
}
