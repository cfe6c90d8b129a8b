//! `mortar simulate`: MasonHub, or an ERP, to try things out.

mod api;

use std::net::SocketAddr;
use std::path::Path;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use mortar_core::config::{Preset, Secret, Verify};
use mortar_simulator::erp::{self, ErpOptions};
use mortar_simulator::masonhub::{Kind, Outcome, Plan, Scenario, Schedule, SendReport, Sender, send};
use rand::RngExt;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Output, Tone};
use super::target::Aim;
use crate::config::secrets;

/// `mortar simulate …`
#[derive(Debug, Subcommand)]
pub(super) enum Simulate {
    /// Send callbacks as a warehouse would, or answer MasonHub's API
    ///
    /// Sends callbacks of every type: partial shipments, redeliveries, inventory out of order, one
    /// forged signature; with MasonHub's retries.
    ///
    /// With --listen it answers MasonHub's API instead. The warehouse knows what the callbacks would
    /// have said, has some open orders besides, and sends what happens from now on to whoever is
    /// registered for it. To develop a plugin against it, in three shells:
    ///
    ///   mortar simulate masonhub --listen 127.0.0.1:9091
    ///
    ///   mortar serve
    ///     with [sources.masonhub.api] url = "http://127.0.0.1:9091/acme/api/v1",
    ///     private_addresses = true, and the auth that the first command prints
    ///
    ///   mortar masonhub register --to http://127.0.0.1:8080/webhooks/masonhub
    ///   mortar masonhub trigger ship-order OPEN-1 --parcels 2
    ///
    /// What is to go wrong is posted to /faults, beside the API: {"what": "hang", "next": 1}, or
    /// {"what": {"unavailable": {"retry_after": 2}}, "next": 5, "path": "/orders"}. GET /sent tells
    /// what became of each callback.
    #[command(verbatim_doc_comment)]
    Masonhub(Masonhub),
    /// Run a small ERP that takes any JSON at any path; GET /audit shows what it holds
    Erp(ErpStandIn),
}

/// `mortar simulate masonhub`
#[derive(Debug, Args)]
pub(super) struct Masonhub {
    #[command(flatten)]
    aim: Aim,
    /// Orders that are placed and shipped
    #[arg(long, value_name = "N", default_value_t = 24)]
    orders: u32,
    /// SKUs that are counted
    #[arg(long, value_name = "N", default_value_t = 8)]
    skus: u32,
    /// Inbound shipments that are received
    #[arg(long, value_name = "N", default_value_t = 5)]
    inbound_shipments: u32,
    /// Returns that come back
    #[arg(long, value_name = "N", default_value_t = 3)]
    returns: u32,
    /// The same number makes the same callbacks, byte for byte; absent: new ones
    #[arg(long)]
    seed: Option<u64>,
    /// How many times faster than MasonHub to retry; at 60 a minute is a second
    #[arg(long, value_name = "FACTOR", default_value_t = 60.0, value_parser = positive)]
    speed: f64,
    /// Requests at once
    #[arg(long, value_name = "N", default_value_t = 16)]
    concurrency: u16,
    #[command(flatten)]
    api: api::ApiArgs,
}

/// `mortar simulate erp`
#[derive(Debug, Args)]
pub(super) struct ErpStandIn {
    /// Address and port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Ask for the bearer token that is in this environment variable
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// The header whose value makes a write happen once
    #[arg(long, value_name = "NAME", default_value = "Idempotency-Key")]
    idempotency_header: String,
    /// Know no idempotency keys, as many an ERP
    #[arg(long, conflicts_with = "idempotency_header")]
    no_idempotency: bool,
    /// What makes it tell a customer of a parcel
    #[arg(long, value_enum, default_value_t = NotifyOn::Request)]
    notify_on: NotifyOn,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NotifyOn {
    /// A write below /orders/{number}/notifications
    Request,
    /// A parcel with a new tracking number
    Shipment,
}

pub(super) async fn run(
    command: &Simulate,
    config: &Path,
    now: Timestamp,
    rng: &mut impl RngExt,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    match command {
        Simulate::Masonhub(command) => masonhub(command, config, now, rng, output).await,
        Simulate::Erp(command) => erp(command, output).await,
    }
}

async fn masonhub(
    command: &Masonhub,
    config: &Path,
    now: Timestamp,
    rng: &mut impl RngExt,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    if let Some(listen) = command.api.listen {
        return api::run(command, listen, config, now, rng, output).await;
    }
    let target = command.aim.target(config)?;
    if target.verify != Verify::Preset(Preset::Masonhub) {
        return Err(Failure::Usage("MasonHub signs its own way: the source has to say verify = \"masonhub\"".into()));
    }
    let secret = target.secret(&target.secrets).map_err(Failure::Failed)?;
    let seed = command.seed.unwrap_or_else(|| rng.random_range(1..1_000_000));
    let Plan { callbacks, truth } = command.scenario(seed, now).plan();
    if !output.is_json() {
        output.line(format_args!("sending {} callbacks ({} events, seed {seed}) to {}", callbacks.len(), truth.events, target.url))?;
    }
    let mut sender = Sender::new(target.url, secret);
    sender.schedule = Schedule::at_speed(1.0 / command.speed);
    sender.concurrency = command.concurrency.into();
    let report = send(&sender, &callbacks, |_| {}).await.map_err(|error| Failure::Usage(error.to_string()))?;

    let forged = |place: usize| callbacks[place].kind == Kind::Forged;
    let wrong = (0..callbacks.len()).filter(|place| match report.sent[*place].outcome {
        Outcome::Acked => forged(*place),
        Outcome::Refused(_) => !forged(*place),
        Outcome::GivenUp => true,
    });
    let wrong = wrong.count();
    if output.is_json() {
        output.json(&json!({ "seed": seed, "callbacks": callbacks.len(), "events": truth.events, "wrong": wrong, "report": report }))?;
    } else {
        summary(&report, wrong, output)?;
    }
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}

impl Masonhub {
    /// A seed of the user's makes the same bytes each time; a new one tells of the days until now,
    /// so that its last stock counts are newer than those of an earlier run.
    fn scenario(&self, seed: u64, now: Timestamp) -> Scenario {
        // An order is placed every ten minutes at most, and has arrived within a day.
        let span = SignedDuration::from_mins(10 * i64::from(self.orders)) + SignedDuration::from_hours(24);
        let default = Scenario::default();
        Scenario {
            seed,
            orders: self.orders as usize,
            skus: self.skus as usize,
            inbound_shipments: self.inbound_shipments as usize,
            returns: self.returns as usize,
            start: if self.seed.is_some() { default.start } else { now - span },
            ..default
        }
    }
}

fn summary(report: &SendReport, wrong: usize, output: &mut Output<'_>) -> Result<(), Failure> {
    let (refused, given_up) = (report.refused().len(), report.given_up().len());
    output.line(format_args!("{} accepted, {refused} refused, {given_up} given up, in {} requests", report.acked(), report.tries()))?;
    let verdict = if wrong == 0 {
        output.paint(Tone::Good, "every genuine callback was accepted and every forged one refused")
    } else {
        output.paint(Tone::Bad, format_args!("{wrong} callbacks did not end as they should: see the host's log and `mortar rejected list`"))
    };
    Ok(output.line(verdict)?)
}

async fn erp(command: &ErpStandIn, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let token = command.token_env.clone().map(Secret::Env);
    let token = token.map(|secret| secrets::resolve(&secret, Path::new(""), &|name| std::env::var_os(name))).transpose();
    let options = ErpOptions {
        listen: command.listen,
        token: token.map_err(|error| Failure::Usage(error.to_string()))?,
        idempotency_header: (!command.no_idempotency).then(|| command.idempotency_header.clone()),
        notify_on: match command.notify_on {
            NotifyOn::Request => erp::NotifyOn::Request,
            NotifyOn::Shipment => erp::NotifyOn::Shipment,
        },
    };
    let erp = erp::Erp::bind(options).await.map_err(|error| Failure::Failed(format!("cannot listen on {}: {error}", command.listen)))?;
    let url = erp.url();
    if output.is_json() {
        output.json(&json!({ "url": url }))?;
    } else {
        output.line(format_args!("an ERP listens at {url}; {url}/audit shows what it holds, Ctrl-C ends it"))?;
    }
    erp.run(async {
        // Without the signal nobody could end it; then it ends at once.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await;
    Ok(Exit::Done)
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0).ok_or_else(|| "not a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::super::fake_edge::FakeEdge;
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        simulate: Simulate,
    }

    async fn simulate(edge: &FakeEdge, line: &str) -> (Exit, String) {
        let command = Line::try_parse_from(["simulate", "masonhub"].into_iter().chain(line.split_whitespace())).unwrap().simulate;
        let mut buffer = Vec::new();
        let mut output = Output::plain(&mut buffer, false);
        let end = run(&command, &edge.config(), Timestamp::UNIX_EPOCH, &mut StdRng::seed_from_u64(1), &mut output).await;
        (end.unwrap(), String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn its_help_says_how_a_plugin_is_developed_against_it() {
        use clap::CommandFactory;
        let mut line = Line::command();
        let help = line.find_subcommand_mut("masonhub").unwrap().render_long_help().to_string();
        assert!(help.contains("mortar masonhub trigger ship-order OPEN-1 --parcels 2") && help.contains("/faults"), "{help}");
    }

    #[tokio::test]
    async fn a_seed_repeats_itself_and_none_is_always_new() {
        let edge = FakeEdge::start().await;
        let bodies = || {
            let mut bodies: Vec<_> = edge.seen().into_iter().map(|seen| seen.body).collect();
            bodies.sort();
            bodies
        };
        let (exit, printed) = simulate(&edge, "--orders 8 --seed 7").await;
        assert_eq!(exit, Exit::Done, "{printed}");
        assert!(printed.ends_with("every genuine callback was accepted and every forged one refused\n"), "{printed}");
        let first = bodies();
        simulate(&edge, "--orders 8 --seed 7").await;
        assert_eq!(bodies(), first);
        simulate(&edge, "--orders 8").await;
        assert_ne!(bodies(), first);
    }
}
