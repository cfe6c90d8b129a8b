//! What is done to one delivery, and its case to take home.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use mortar_core::call::{Response, Settlement};
use mortar_core::delivery::DeliveryId;
use mortar_core::ports::Replay;

use crate::admin_types::{Discard, Settle};
use crate::cases::record;
use crate::cli::exit::Failure;
use crate::dashboard::visit::{Page, Posted, Visit};

pub(in crate::dashboard) async fn replay(Path(id): Path<String>, posted: Posted) -> Page {
    let done = async {
        posted.visit.api.replay(delivery(&id)?, Replay::Resume).await?;
        Ok(format!("{id} runs again."))
    };
    let done = done.await;
    posted.back(done)
}

pub(in crate::dashboard) async fn discard(Path(id): Path<String>, posted: Posted) -> Page {
    let done = async {
        let reason = posted.field("reason").to_owned();
        if reason.is_empty() {
            return Err(Failure::Usage("Say why it is given up: the reason is kept with the delivery.".into()));
        }
        posted.visit.api.discard(delivery(&id)?, &Discard { reason }).await?;
        Ok(format!("{id} is given up."))
    };
    let done = done.await;
    posted.back(done)
}

pub(in crate::dashboard) async fn settle(Path(id): Path<String>, posted: Posted) -> Page {
    let done = async {
        let step = posted.field("step").to_owned();
        let (settlement, told) = match posted.field("settlement") {
            "resend" => (Settlement::Resend, "is sent again"),
            "done" => (Settlement::Answered(Response { status: 200, headers: Vec::new(), body: Vec::new() }), "counts as done"),
            _ => return Err(Failure::Usage("Say what became of the step: whether it arrived or not.".into())),
        };
        posted.visit.api.settle(delivery(&id)?, &Settle { step: step.clone(), settlement }).await?;
        Ok(format!("The step {step} of {id} {told}."))
    };
    let done = done.await;
    posted.back(done)
}

/// The case of a delivery, as `mortar plugin record` makes it.
pub(in crate::dashboard) async fn case(visit: Visit, Path(id): Path<String>) -> Page {
    let made = async {
        let id = delivery(&id)?;
        let story = visit.api.story(&id.event.to_string()).await?;
        let found = story.deliveries.iter().find(|story| story.delivery.id == id);
        let found = found.ok_or_else(|| Failure::NotFound(format!("there is no delivery {id}")))?;
        let (text, _) = record::case(&story, found).map_err(Failure::Refused)?;
        Ok((format!("{}-{id}.toml", story.event.event_type.replace('.', "-")), text))
    };
    let (name, text) = made.await.map_err(|failure| visit.refused(&failure))?;
    // Types of others are no names of files.
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    let headers =
        [(CONTENT_TYPE, "application/toml; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((StatusCode::OK, headers, text).into_response())
}

fn delivery(id: &str) -> Result<DeliveryId, Failure> {
    id.parse().map_err(|fault| Failure::Usage(format!("{fault}")))
}
