//! Where secrets are to be found.

use std::path::PathBuf;

use serde::Deserialize;

/// Where a secret is to be found. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, without its last line break; relative paths start at the configuration file.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Place {
            env: Option<String>,
            file: Option<PathBuf>,
        }
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Secret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{ env = \"NAME\" } or { file = \"path\" }")
            }

            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Secret, E> {
                Err(E::custom("a secret is not written into this file: use { env = \"NAME\" } or { file = \"path\" }"))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
                match Place::deserialize(serde::de::value::MapAccessDeserializer::new(map))? {
                    Place { env: Some(name), file: None } => Ok(Secret::Env(name)),
                    Place { env: None, file: Some(path) } => Ok(Secret::File(path)),
                    _ => Err(serde::de::Error::custom("a secret is in one place: { env = \"NAME\" } or { file = \"path\" }")),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
