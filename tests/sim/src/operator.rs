//! The operator, who looks after dead letters while things go wrong.

use std::sync::Arc;
use std::time::Duration;

use mortar_core::call::{Response, Settlement};
use mortar_core::delivery::State;
use mortar_core::ports::{Clock, Filter, Intervention, JournalError, Replay};
use mortar_core::story::{DeliveryStory, Fate};
use tokio::time::sleep;

use crate::chance::Chance;
use crate::world::{Host, World};

pub(crate) async fn operate(world: Arc<World>, chance: Chance) {
    while world.faults.last() {
        sleep(chance.up_to(Duration::from_secs(180))).await;
        let Some(host) = world.host() else { continue };
        tokio::select! {
            biased;
            () = host.life.over() => {}
            // Where it fails, the operator comes again.
            helped = help(&world, &host, &chance) => drop(helped),
        }
    }
}

/// Helps one dead letter.
async fn help(world: &World, host: &Host, chance: &Chance) -> Result<(), JournalError> {
    let journal = &host.ports.journal;
    let dead = journal.events(Filter { state: Some(State::Dead), limit: 100, ..Filter::default() }).await?;
    if dead.is_empty() {
        return Ok(());
    }
    let event = chance.pick(&dead.iter().map(|event| event.seq).collect::<Vec<_>>());
    let Some(story) = journal.story(event.to_string()).await? else { return Ok(()) };
    for delivery in story.deliveries.iter().filter(|delivery| delivery.delivery.state == State::Dead) {
        if let Some(intervention) = decide(world, &story.event.id, delivery, chance) {
            world.trace.note(|| format!("the operator: {} of {}: {intervention:?}", delivery.delivery.id, story.event.id));
            journal.intervene(delivery.delivery.id, intervention, world.clock.now()).await?;
        }
    }
    Ok(())
}

/// A step in doubt is settled after a look at the ERP; others are replayed or given up.
fn decide(world: &World, event: &str, delivery: &DeliveryStory, chance: &Chance) -> Option<Intervention> {
    let doubt = delivery.calls.iter().find(|call| matches!(call.fate, Fate::Intended { .. }) && call.request.method != "GET");
    if let Some(call) = doubt {
        let settlement = match world.erp.knows(event, &delivery.delivery.plugin, &call.step)? {
            true => Settlement::Answered(Response { status: 201, headers: Vec::new(), body: Vec::new() }),
            false => Settlement::Resend,
        };
        return Some(Intervention::Settle { step: call.step.clone(), settlement });
    }
    match chance.below(10) {
        0..5 => Some(Intervention::Replay(Replay::Resume)),
        5 => Some(Intervention::Discard { reason: "given up".into() }),
        _ => None,
    }
}
