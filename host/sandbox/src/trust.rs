//! Whose components are loaded.

use mortar_core::config::{PublicKey, Sha256Hex};

use crate::signature::signers;

/// Whose components are loaded: of whoever one of the keys belongs to, and those with one of the digests.
/// Where neither is given, all are.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Who may sign.
    pub keys: Vec<PublicKey>,
    /// What is taken whoever signed it.
    pub digests: Vec<Sha256Hex>,
}

impl Trust {
    /// Says whether a component of this digest may be loaded.
    pub(crate) fn check(&self, component: &[u8], digest: &str) -> Result<(), String> {
        if self.keys.is_empty() && self.digests.is_empty() || self.digests.iter().any(|allowed| allowed.0 == digest) {
            return Ok(());
        }
        let (signers, wrong) = signers(component);
        if signers.iter().any(|signer| self.keys.contains(signer)) {
            return Ok(());
        }
        let advice = "have it signed with `mortar plugin sign`, or add its digest to `plugins.allowed_digests`";
        Err(match (&signers[..], wrong) {
            _ if self.keys.is_empty() => format!("the component's digest {digest} is not among `plugins.allowed_digests`"),
            ([], 0) => format!("the component is not signed, and `plugins.trusted_keys` asks for it: {advice}"),
            ([], _) => format!("the component's signature is wrong: the file was changed after it was signed, get it anew, or {advice}"),
            (others, _) => {
                let others: Vec<_> = others.iter().map(ToString::to_string).collect();
                format!("the component is signed by {}, which is not among `plugins.trusted_keys`", others.join(" and "))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    #[test]
    fn a_trusted_key_or_an_allowed_digest_is_enough_and_all_else_is_told_apart() {
        let component = wat::parse_str("(component)").unwrap();
        let ((ours, _), (theirs, _)) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let by = |key: &SigningKey| [component.clone(), key.sign(&component)].concat();
        let changed = [&component[..], b"\0\x02\x01x", &ours.sign(&component)].concat();
        let keys = Trust { keys: vec![ours.public()], digests: Vec::new() };
        let refused = |trust: &Trust, component: &[u8]| trust.check(component, "d1").err().unwrap_or_default();
        assert_eq!(refused(&Trust::default(), &component), "");
        assert_eq!(refused(&keys, &by(&ours)), "");
        assert!(refused(&keys, &component).contains("is not signed"));
        assert!(refused(&keys, &changed).contains("was changed after it was signed"));
        assert!(refused(&keys, &by(&theirs)).contains(&theirs.public().to_string()));
        let digests = Trust { keys: Vec::new(), digests: vec![Sha256Hex("d1".into())] };
        assert_eq!(refused(&digests, &component), "");
        assert!(digests.check(&by(&ours), "d2").is_err_and(|words| words.contains("plugins.allowed_digests")));
        let both = Trust { digests: digests.digests.clone(), ..keys.clone() };
        assert_eq!(refused(&both, &component), "", "its digest is allowed");
    }
}
