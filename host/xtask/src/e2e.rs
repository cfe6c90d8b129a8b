//! `cargo xtask e2e`: the round trip with a real ERP and a real shop, and a table of what was sent and found.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run::{cargo, run, run_for_code};
use crate::{erp, plugins};

/// The columns of the table, as the tests name them.
const COLUMNS: [&str; 8] = ["orders", "parcels", "sent", "found", "doubled", "missing", "mails", "confirmed"];

pub(crate) fn e2e(arguments: &[String]) -> Result<ExitCode> {
    let erp = erp::prepare().context("the ERP cannot be had, so nothing was tested")?;
    erp.prepare_vendure().context("the shop cannot be had, so nothing was tested")?;
    plugins::build()?;
    // As the other tests are built, so that nothing is compiled twice.
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let results = erp.file().with_file_name("results.jsonl");
    if results.exists() {
        std::fs::remove_file(&results)?;
    }
    let mut test = cargo(&["test", "--workspace", "--test", "e2e", "--", "--include-ignored", "--test-threads", "2"]);
    let code = run_for_code(test.args(arguments).env("MORTAR_ERP", erp.file()).env("MORTAR_E2E_RESULTS", &results))?;
    if erp.started {
        erp.stop()?;
    }
    table(&results)?;
    Ok(code)
}

/// Prints what each test found, and the sums.
#[allow(clippy::print_stdout, reason = "what was asked for")]
fn table(results: &Path) -> Result<()> {
    let text = std::fs::read_to_string(results).unwrap_or_default();
    let mut rows: BTreeMap<String, [u64; COLUMNS.len()]> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| results.display().to_string())?;
        let row = rows.entry(line["test"].as_str().unwrap_or_default().to_owned()).or_default();
        for (sum, column) in row.iter_mut().zip(COLUMNS) {
            *sum += line[column].as_u64().unwrap_or(0);
        }
    }
    let all = rows.values().fold([0; COLUMNS.len()], |all, row| std::array::from_fn(|at| all[at] + row[at]));
    println!("\n{:<30}{}", "", COLUMNS.map(|column| format!("{column:>10}")).concat());
    for (test, row) in &rows {
        println!("{test:<30}{}", row.map(|number| format!("{number:>10}")).concat());
    }
    println!("{:<30}{}", "in all", all.map(|number| format!("{number:>10}")).concat());
    Ok(())
}
