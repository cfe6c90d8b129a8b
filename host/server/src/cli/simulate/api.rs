//! `mortar simulate masonhub --listen`: MasonHub's API.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use mortar_core::config::Secret;
use mortar_core::ports::Clock;
use mortar_simulator::masonhub::api::{Api, ApiOptions, Tell};
use mortar_simulator::masonhub::{Callback, Schedule};
use rand::RngExt;
use serde_json::json;

use super::Masonhub;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::config::secrets;
use crate::wire::SystemClock;

const HEADING: &str = "Options of the API";

/// What the API is like.
#[derive(Debug, Args)]
pub(super) struct ApiArgs {
    /// Answer MasonHub's API at this address, instead of sending callbacks now
    #[arg(long, value_name = "ADDRESS", help_heading = HEADING)]
    pub(super) listen: Option<SocketAddr>,
    /// The account, the first part of every path
    #[arg(long, requires = "listen", default_value = "acme", help_heading = HEADING)]
    account: String,
    /// The secret phrase that tokens are had for, in this environment variable; absent: "simulated"
    #[arg(long, requires = "listen", value_name = "VARIABLE", help_heading = HEADING)]
    phrase_env: Option<String>,
    /// Seconds that a token is good for
    #[arg(long, requires = "listen", value_name = "SECONDS", default_value_t = 3600, help_heading = HEADING)]
    token_lifetime: u64,
    /// Requests in an hour; further ones are answered 429
    #[arg(long, requires = "listen", value_name = "N", default_value_t = 1000, help_heading = HEADING)]
    rate: u32,
    /// Answer lists bare, not as {limit, offset, data}
    #[arg(long, requires = "listen", help_heading = HEADING)]
    bare: bool,
    /// Have no data factory, as in production
    #[arg(long, requires = "listen", help_heading = HEADING)]
    production: bool,
}

pub(super) async fn run(
    command: &Masonhub,
    listen: SocketAddr,
    config: &Path,
    now: Timestamp,
    rng: &mut impl RngExt,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let args = &command.api;
    let phrase = match args.phrase_env.clone().map(Secret::Env) {
        Some(secret) => secrets::resolve(&secret, Path::new(""), &|name| std::env::var_os(name)),
        None => Ok("simulated".to_owned()),
    };
    let phrase = phrase.map_err(|error| Failure::Usage(error.to_string()))?;
    let seed = command.seed.unwrap_or_else(|| rng.random_range(1..1_000_000));
    let options = ApiOptions {
        listen,
        account: args.account.clone(),
        token_lifetime: Duration::from_secs(args.token_lifetime),
        rate: args.rate,
        wrapped: !args.bare,
        sandbox: !args.production,
        schedule: Schedule::at_speed(1.0 / command.speed),
        seed,
        ..ApiOptions::new(phrase, command.aim.signing_secret(config)?, || SystemClock.now())
    };
    let api = Api::bind(options).await.map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
    let plan = command.scenario(seed, now).plan();
    api.handle().tell(&plan.callbacks, Tell::Nobody);
    api.handle().tell(&open_orders(now, rng), Tell::Nobody);
    let url = api.url();
    let token = match &args.phrase_env {
        Some(name) => format!("{{ env = \"{name}\" }}"),
        None => "the word `simulated`".to_owned(),
    };
    if output.is_json() {
        output.json(&json!({ "url": url, "seed": seed, "orders": plan.truth.orders.keys().collect::<Vec<_>>() }))?;
    } else {
        output.line(format_args!("MasonHub's API listens at {url} (seed {seed}); its secret phrase is {token}"))?;
        output.line(format_args!("auth = {{ kind = \"secret-phrase\", token_url = \"{url}/secrets\", secret_phrase = … }}"))?;
        output.line(format_args!("OPEN-1 to OPEN-{OPEN} are open orders; Ctrl-C ends it"))?;
    }
    api.run(async {
        // Without the signal nobody could end it; then it ends at once.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await;
    Ok(Exit::Done)
}

/// Orders that wait to be shipped.
const OPEN: usize = 3;

/// All of a scenario's orders are through; these are for the data factory.
fn open_orders(now: Timestamp, rng: &mut impl RngExt) -> Vec<Callback> {
    let mut order = |number: usize| {
        let lines = json!([{ "sku_customer_id": "TEE-BLU-M", "quantity": 2 }, { "sku_customer_id": "PANT-BLU-M", "quantity": 1 }]);
        let record = json!({
            "id": format!("00000000-0000-4000-8000-{number:012}"),
            "customer_identifier": format!("OPEN-{number}"),
            "status": "open",
            "updated_at": now.to_string(),
            "line_items": lines,
        });
        Callback::new(json!({ "message_type": "orderEvent", "data": [record] }).to_string(), rng)
    };
    (1..=OPEN).map(&mut order).collect()
}
