//! What is done to the host and the ERPs, and when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use mortar_sim::chance::Chance;
use rustix::process::Signal;

use crate::disk::Disk;
use crate::erps::Erps;
use crate::host::Process;

/// No blow lasts longer.
const LONGEST: Duration = Duration::from_secs(3);

/// A full disk may have room for so many bytes.
const CRUMBS: u64 = 128 << 10;

/// One thing that is done.
#[derive(Clone, Copy)]
pub(crate) enum Blow {
    Kill,
    Stop,
    Terminate,
    FillDisk,
    EndErps,
    Refuse,
    Unavailable,
}

impl Blow {
    /// So many kills, and a fair share of everything else.
    pub(crate) fn all(kills: u32) -> Vec<Self> {
        let shares = [
            (Self::Kill, 1),
            (Self::Stop, 4),
            (Self::Terminate, 5),
            (Self::FillDisk, 6),
            (Self::EndErps, 6),
            (Self::Refuse, 4),
            (Self::Unavailable, 4),
        ];
        shares.into_iter().flat_map(|(blow, share)| (0..kills.div_ceil(share)).map(move |_| blow)).collect()
    }

    fn hits_host(self) -> bool {
        matches!(self, Self::Kill | Self::Stop | Self::Terminate | Self::FillDisk)
    }
}

/// Strikes the host and, at the same time, the ERPs, at random moments within the given time.
pub(crate) async fn strike(
    host: &mut Process<'_>,
    erps: &Erps,
    disk: Option<&Disk>,
    chance: &Chance,
    blows: &[Blow],
    lasting: Duration,
    table: &Table,
) -> Result<()> {
    let of = |hits_host: bool| {
        let mut left: Vec<Blow> = blows.iter().copied().filter(|blow| blow.hits_host() == hits_host).collect();
        let chance = chance.fork();
        let gap = lasting * 2 / u32::try_from(left.len().max(1)).unwrap_or(u32::MAX);
        let mut order = Vec::new();
        while !left.is_empty() {
            let place = usize::try_from(chance.below(left.len() as u64)).unwrap_or(0);
            order.push((chance.up_to(gap), left.swap_remove(place)));
        }
        (chance, order)
    };
    let ((for_host, at_host), (for_erps, at_erps)) = (of(true), of(false));
    let strikes = async {
        for (gap, blow) in at_host {
            tokio::time::sleep(gap).await;
            strike_host(host, blow, disk, &for_host, table).await?;
        }
        anyhow::Ok(())
    };
    let nuisances = async {
        for (gap, blow) in at_erps {
            tokio::time::sleep(gap).await;
            strike_erps(erps, blow, &for_erps, table).await?;
        }
        anyhow::Ok(())
    };
    let (strikes, nuisances) = tokio::join!(strikes, nuisances);
    strikes.and(nuisances)
}

async fn strike_host(host: &mut Process<'_>, blow: Blow, disk: Option<&Disk>, chance: &Chance, table: &Table) -> Result<()> {
    match blow {
        Blow::Kill => {
            host.kill().await?;
            table.add("kill -9", 1);
            if chance.hits(0.25) {
                tokio::time::sleep(chance.up_to(LONGEST / 10)).await;
                host.kill().await?;
                table.add("kill -9 while it started", 1);
            }
        }
        Blow::Stop => {
            host.signal(Signal::STOP)?;
            tokio::time::sleep(chance.up_to(LONGEST)).await;
            table.add("SIGSTOP for a while", 1);
            if chance.hits(0.25) {
                host.kill().await?;
                table.add("kill -9 while it was stopped", 1);
            } else {
                host.signal(Signal::CONT)?;
            }
        }
        Blow::Terminate => {
            host.terminate().await?;
            table.add("SIGTERM", 1);
        }
        Blow::FillDisk => {
            let Some(disk) = disk else { return Ok(()) };
            host.starved = true;
            disk.fill(chance.below(CRUMBS)).await?;
            table.add("disk full for a while", 1);
            tokio::time::sleep(chance.up_to(LONGEST)).await;
            if chance.hits(0.5) {
                host.kill().await?;
                table.add("kill -9 while the disk was full", 1);
                tokio::time::sleep(chance.up_to(LONGEST / 3)).await;
            }
            disk.make_room().await?;
        }
        Blow::EndErps | Blow::Refuse | Blow::Unavailable => {}
    }
    host.up().await?;
    host.starved = false;
    Ok(())
}

async fn strike_erps(erps: &Erps, blow: Blow, chance: &Chance, table: &Table) -> Result<()> {
    let lasting = chance.up_to(LONGEST);
    match blow {
        Blow::EndErps => {
            erps.go_down().await;
            tokio::time::sleep(lasting).await;
            erps.come_back().await?;
            table.add("ERPs down for a while", 1);
        }
        Blow::Refuse => {
            let proxy = erps.any(chance);
            proxy.weather(|weather| weather.refusing = true);
            tokio::time::sleep(lasting).await;
            proxy.weather(|weather| weather.refusing = false);
        }
        Blow::Unavailable => {
            let proxy = erps.any(chance);
            proxy.weather(|weather| weather.unavailable = true);
            tokio::time::sleep(lasting).await;
            proxy.weather(|weather| weather.unavailable = false);
        }
        Blow::Kill | Blow::Stop | Blow::Terminate | Blow::FillDisk => {}
    }
    Ok(())
}

/// What was done, and how often.
#[derive(Default)]
pub(crate) struct Table(Mutex<BTreeMap<String, u64>>);

impl Table {
    pub(crate) fn add(&self, what: &str, count: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what.to_owned()).or_default() += count;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.iter().try_for_each(|(what, count)| writeln!(f, "{count:>8}  {what}"))
    }
}
