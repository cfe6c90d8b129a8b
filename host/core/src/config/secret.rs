//! Where secrets are to be found.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// Where a secret is to be found. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, without its last line break; relative paths start at the configuration file.
    File(PathBuf),
    /// In a credential that the service manager hands over: a file of this name in the directory that
    /// `$CREDENTIALS_DIRECTORY` names.
    Credential(String),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Place {
            env: Option<String>,
            file: Option<PathBuf>,
            credential: Option<String>,
        }
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Secret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{ env = \"NAME\" }, { file = \"path\" } or { credential = \"name\" }")
            }

            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Secret, E> {
                Err(E::custom(
                    "a secret is not written into this file: use { env = \"NAME\" }, { file = \"path\" } or { credential = \"name\" }",
                ))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
                match Place::deserialize(serde::de::value::MapAccessDeserializer::new(map))? {
                    Place { env: Some(name), file: None, credential: None } => Ok(Secret::Env(name)),
                    Place { env: None, file: Some(path), credential: None } => Ok(Secret::File(path)),
                    Place { env: None, file: None, credential: Some(name) } if is_name(&name) => Ok(Secret::Credential(name)),
                    Place { env: None, file: None, credential: Some(name) } => {
                        Err(serde::de::Error::custom(format!("`{name}` is no name of a credential: it has no `/`, and is not `.` or `..`")))
                    }
                    _ => Err(serde::de::Error::custom(
                        "a secret is in one place: { env = \"NAME\" }, { file = \"path\" } or { credential = \"name\" }",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != "." && name != ".."
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}
