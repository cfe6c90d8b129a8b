//! `mortar status`

use std::time::Duration;

use mortar_connect::BreakerState;
use mortar_core::delivery::State;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, counted, time};
use super::plugin;
use crate::admin_types::{Configuration, ConnectionStatus, Status};
use crate::edge::SecretUse;

pub(super) async fn run(client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let status = client.status().await?;
    if output.is_json() {
        output.json(&status)?;
    } else {
        show(&status, output)?;
    }
    Ok(Exit::Done)
}

fn show(status: &Status, output: &mut Output<'_>) -> Result<(), Failure> {
    let title = output.paint(Tone::Strong, format_args!("mortar {}", status.version));
    let uptime = duration(status.uptime_seconds);
    output.line(format_args!("{title}, up {uptime} (since {}), callbacks at http://{}", time(status.started_at), status.edge))?;
    output.line(format_args!("\n{}", events(status)))?;
    let states = status.counts.deliveries.iter().map(|(state, count)| {
        let tone = if *count == 0 { Tone::Faint } else { Tone::of(*state) };
        output.paint(tone, format_args!("{count} {state}"))
    });
    output.line(format_args!("deliveries: {}", states.collect::<Vec<_>>().join(", ")))?;
    if status.counts.held > 0 {
        let held = output.paint(Tone::Wait, format_args!("{} held by a dead letter before them", status.counts.held));
        output.line(format_args!("of those that are open: {held}"))?;
    }
    plugins(status, output)?;
    connections(status, output)?;
    secrets(status, output)?;
    configuration(status, output)?;
    for problem in &status.problems {
        let head = output.paint(Tone::Bad, "problem:");
        let problem = output.paint(Tone::Plain, problem);
        output.line(format_args!("{head} {problem}"))?;
    }
    Ok(next(status).into_iter().try_for_each(|line| output.line(line))?)
}

fn events(status: &Status) -> String {
    let counts = &status.counts;
    let mut line = format!("{} stored", counted(counts.events, "event"));
    let parts = [(counts.unhandled, "without a plugin"), (counts.quarantined, "in quarantine"), (counts.rejected, "rejected")];
    for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {count} {what}"));
    }
    line
}

fn plugins(status: &Status, output: &mut Output<'_>) -> Result<(), Failure> {
    output.line("")?;
    plugin::table(&status.plugins, output)
}

fn connections(status: &Status, output: &mut Output<'_>) -> Result<(), Failure> {
    let row = |c: &ConnectionStatus| {
        vec![Cell::from(&c.name), Cell::from(&c.kind), c.in_flight.into(), c.allowed.into(), c.waiting.into(), breaker(c)]
    };
    let heads = ["connection", "kind", "in flight", "allowed", "waiting", "breaker"];
    output.line("")?;
    Ok(output.table(&heads, status.connections.iter().map(row).collect(), "no connection is configured")?)
}

/// Which secrets are used, where a source has several: the old one can go once it no longer is.
fn secrets(status: &Status, output: &mut Output<'_>) -> Result<(), Failure> {
    let several = |one: &&SecretUse| status.secrets.iter().filter(|other| other.source == one.source).count() > 1;
    let row = |one: &SecretUse| {
        let last = one.last_used.map_or_else(|| Cell::toned("not since the host started", Tone::Faint), |at| time(at).into());
        vec![Cell::from(&one.source), one.secret.into(), Cell::from(&one.place), one.callbacks.into(), last]
    };
    let rows: Vec<_> = status.secrets.iter().filter(several).map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    output.line("")?;
    Ok(output.table(&["source", "secret", "is in", "callbacks", "last used"], rows, "")?)
}

fn configuration(status: &Status, output: &mut Output<'_>) -> Result<(), Failure> {
    let Configuration { loaded_at, failed_at, problems, needs_restart } = &status.configuration;
    if let Some(at) = failed_at {
        let head = output.paint(Tone::Bad, "problem:");
        let told = format!("the configuration had problems at {}; the one of {} goes on", time(*at), time(*loaded_at));
        output.line(format_args!("{head} {told}"))?;
        problems.iter().try_for_each(|problem| output.line(format_args!("  {}", clean(problem))))?;
    }
    if !needs_restart.is_empty() {
        let head = output.paint(Tone::Wait, "after a restart:");
        output.line(format_args!("{head} {}", clean(&needs_restart.join(", "))))?;
    }
    Ok(())
}

fn breaker(connection: &ConnectionStatus) -> Cell {
    match (connection.breaker, connection.paused_until) {
        (BreakerState::Open { until }, _) => Cell::toned(format!("open until {}", time(until)), Tone::Bad),
        (BreakerState::HalfOpen, _) => Cell::toned("half-open", Tone::Wait),
        (_, Some(until)) => Cell::toned(format!("closed, paused until {}", time(until)), Tone::Wait),
        (BreakerState::Ramping, None) => Cell::toned("ramping", Tone::Wait),
        (BreakerState::Closed, None) => Cell::from("closed"),
    }
}

/// What an operator does about what is not as it should be.
fn next(status: &Status) -> Vec<String> {
    let dead = status.counts.deliveries.iter().find(|(state, _)| *state == State::Dead).map_or(0, |(_, count)| *count);
    let hints = [
        (dead, "dead letter", "mortar dead list"),
        (status.counts.mismatches, "round-trip mismatch", "mortar roundtrip list"),
        (status.counts.quarantined, "callback in quarantine", "mortar quarantine list"),
        (status.counts.rejected, "rejected callback", "mortar rejected list"),
    ];
    let open = hints.into_iter().filter(|(count, ..)| *count > 0);
    open.map(|(count, what, command)| format!("{count} × {what}: see `{command}`")).collect()
}

/// The beginning of a digest, enough to tell generations apart.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn duration(seconds: u64) -> String {
    let duration = Duration::from_secs(seconds);
    jiff::SignedDuration::try_from(duration).map_or_else(|_| format!("{seconds}s"), |d| format!("{d:#}"))
}

#[cfg(test)]
mod tests {
    use mortar_core::story::Counts;

    use super::*;
    use crate::admin_types::{PluginState, PluginStatus};

    #[test]
    fn status_says_what_to_look_at() {
        let status = Status {
            version: "0.1.0".into(),
            started_at: "2026-03-01T09:00:00Z".parse().unwrap(),
            uptime_seconds: 3725,
            edge: "127.0.0.1:8080".into(),
            counts: Counts {
                events: 12,
                deliveries: vec![(State::Pending, 4), (State::Done, 10), (State::Dead, 2)],
                held: 3,
                quarantined: 1,
                ..Counts::default()
            },
            plugins: vec![PluginStatus {
                name: "rest".into(),
                state: PluginState::Active,
                digest: Some("0123456789abcdef".into()),
                component: None,
                provenance: None,
                since: None,
                pinned: false,
                probation: None,
                kept: Vec::new(),
                blocked: None,
                shadow: None,
                handles: vec!["order-events".into(), "any-event".into()],
                open: 3,
                unsettled: false,
                problems: vec!["half.wasm: it is no component".into()],
            }],
            connections: vec![
                ConnectionStatus {
                    name: "erp".into(),
                    kind: "http".into(),
                    in_flight: 3,
                    allowed: 16,
                    waiting: 0,
                    breaker: BreakerState::Closed,
                    paused_until: None,
                },
                ConnectionStatus {
                    name: "mail".into(),
                    kind: "smtp".into(),
                    in_flight: 0,
                    allowed: 0,
                    waiting: 0,
                    breaker: BreakerState::Open { until: "2026-03-01T10:02:05Z".parse().unwrap() },
                    paused_until: None,
                },
            ],
            secrets: Vec::new(),
            configuration: Configuration {
                loaded_at: "2026-03-01T09:00:00Z".parse().unwrap(),
                failed_at: None,
                problems: Vec::new(),
                needs_restart: Vec::new(),
            },
            problems: vec!["the journal's disk is 91 % full".into()],
        };
        let mut buffer = Vec::new();
        show(&status, &mut Output::plain(&mut buffer, false)).unwrap();
        let expected = "\
mortar 0.1.0, up 1h 2m 5s (since 2026-03-01 09:00:00Z), callbacks at http://127.0.0.1:8080

12 events stored, 1 in quarantine
deliveries: 4 pending, 10 done, 2 dead
of those that are open: 3 held by a dead letter before them

PLUGIN  STATE   GENERATION    HANDLES                  OPEN  NEW FILES
rest    active  0123456789ab  order-events, any-event  3     1 problem

CONNECTION  KIND  IN FLIGHT  ALLOWED  WAITING  BREAKER
erp         http  3          16       0        closed
mail        smtp  0          0        0        open until 2026-03-01 10:02:05Z
problem: the journal's disk is 91 % full
2 × dead letter: see `mortar dead list`
1 × callback in quarantine: see `mortar quarantine list`
";
        assert_eq!(String::from_utf8(buffer).unwrap(), expected);
    }

    #[test]
    fn a_configuration_that_failed_and_secrets_of_a_rotation_are_told() {
        let now = "2026-03-01T09:00:00Z".parse().unwrap();
        let used = |secret, last_used| SecretUse { source: "shop".into(), secret, place: "env A".into(), callbacks: 3, last_used };
        let configuration = Configuration {
            loaded_at: now,
            failed_at: Some(now),
            problems: vec!["mortar.toml:1:1: unknown key `jurnal`".into()],
            needs_restart: vec!["edge.listen".into()],
        };
        let status = Status {
            version: String::new(),
            started_at: now,
            uptime_seconds: 0,
            edge: String::new(),
            counts: Counts::default(),
            plugins: Vec::new(),
            connections: Vec::new(),
            secrets: vec![used(1, Some(now)), used(2, None), SecretUse { source: "alone".into(), ..used(1, None) }],
            configuration,
            problems: Vec::new(),
        };
        let mut buffer = Vec::new();
        show(&status, &mut Output::plain(&mut buffer, false)).unwrap();
        let shown = String::from_utf8(buffer).unwrap();
        assert!(shown.contains("2       env A  3          not since the host started"), "{shown}");
        assert!(!shown.contains("alone"), "one secret alone is no rotation: {shown}");
        assert!(shown.contains("problem: the configuration had problems at 2026-03-01 09:00:00Z"), "{shown}");
        assert!(shown.contains("  mortar.toml:1:1: unknown key `jurnal`") && shown.contains("after a restart: edge.listen"), "{shown}");
    }
}
