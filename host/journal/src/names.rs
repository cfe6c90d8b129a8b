//! Names that many rows share, and their numbers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Source,
    Type,
    Plugin,
    Component,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Source, Self::Type, Self::Plugin, Self::Component];

    fn table(self) -> &'static str {
        match self {
            Self::Source => "sources",
            Self::Type => "types",
            Self::Plugin => "plugins",
            Self::Component => "components",
        }
    }
}

/// A name that a batch brought. Counts once the batch is committed.
pub(crate) struct NewName {
    kind: Kind,
    name: Arc<str>,
    no: i64,
}

/// The committed names, by kind. Numbers start at 1 and have no gaps.
#[derive(Default)]
pub(crate) struct Names([HashMap<Arc<str>, i64>; 4]);

impl Names {
    pub(crate) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut names = Self::default();
        for kind in Kind::ALL {
            let mut rows = conn.prepare(&format!("SELECT name, no FROM {}", kind.table()))?;
            let rows = rows.query_map([], |row| Ok((Arc::from(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
            let of_kind: HashMap<_, i64> = rows.collect::<rusqlite::Result<_>>()?;
            let all = 1..=of_kind.len() as i64;
            if of_kind.values().any(|no| !all.contains(no)) {
                return Err(FromSqlConversionFailure(1, Type::Integer, format!("the numbers of the {} have gaps", kind.table()).into()));
            }
            names.0[kind as usize] = of_kind;
        }
        Ok(names)
    }

    /// How many of a kind there will be once the batch that brought `new` has numbered these too.
    pub(crate) fn len_with(&self, new: &[NewName], kind: Kind, names: &[String]) -> usize {
        let known = &self.0[kind as usize];
        let new = new.iter().filter(|n| n.kind == kind).map(|n| &*n.name);
        let added: HashSet<_> = new.chain(names.iter().map(String::as_str)).filter(|name| !known.contains_key(*name)).collect();
        known.len() + added.len()
    }

    /// A name's number. A name that is new is written, and added to `new`.
    pub(crate) fn number(&self, conn: &Connection, new: &mut Vec<NewName>, kind: Kind, name: &str) -> rusqlite::Result<i64> {
        if let Some(no) = self.0[kind as usize].get(name) {
            return Ok(*no);
        }
        let of_kind = new.iter().filter(|n| n.kind == kind);
        if let Some(known) = of_kind.clone().find(|n| *n.name == *name) {
            return Ok(known.no);
        }
        let no = self.0[kind as usize].len() as i64 + of_kind.count() as i64 + 1;
        conn.execute(&format!("INSERT INTO {} (no, name) VALUES (?, ?)", kind.table()), (no, name))?;
        new.push(NewName { kind, name: name.into(), no });
        Ok(no)
    }

    /// The batch that brought them was committed.
    pub(crate) fn publish(&mut self, new: Vec<NewName>) {
        for name in new {
            self.0[name.kind as usize].insert(name.name, name.no);
        }
    }
}
