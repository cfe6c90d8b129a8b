//! OAuth 2 with a signed statement in the place of a secret.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::support::{Seen, answer, answering, connect, try_connect};

fn rsa() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rsa-for-tests.pem")
}

fn rsa_public() -> Vec<u8> {
    let der = PrivatePkcs8KeyDer::from_pem_file(rsa()).unwrap();
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap().public_key().as_ref().to_vec()
}

/// The statement that the first fetch of a token was made with, verified: its header and claims.
async fn statement(key: &Path, more: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> (Value, Value, Seen) {
    let (server, log) = answering(|seen| match seen.line.as_str() {
        "POST /token HTTP/1.1" => answer(200, "", "{\"access_token\":\"t1\",\"expires_in\":\"3600\"}"),
        _ => answer(if seen.header("authorization") == Some("Bearer t1") { 200 } else { 401 }, "", ""),
    })
    .await;
    let settings = format!(
        "[erp.auth]\nkind = \"oauth2-jwt\"\ntoken_url = \"http://{}/token\"\nclient_id = \"me\"\nprivate_key = {{ file = {key:?} }}\n{more}",
        server.address
    );
    let world = connect(server.address, &settings);
    assert_eq!(world.get("/x").await.unwrap().status, 200);
    let seen = log.lock().unwrap()[0].clone();
    let form: std::collections::HashMap<_, _> = url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let (signed, signature) = form["client_assertion"].rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, public).verify(signed.as_bytes(), &signature).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let mut claims = read(claims);
    if !more.contains("audience") {
        assert_eq!(claims["aud"], format!("http://{}/token", server.address));
    }
    claims["jti"].take();
    (read(header), claims, seen)
}

#[tokio::test]
async fn a_statement_is_signed_as_the_server_wants_it() {
    let (header, claims, seen) =
        statement(&rsa(), "key_id = \"k1\"\nscope = \"a b\"\naudience = \"them\"", &RSA_PSS_2048_8192_SHA256, &rsa_public()).await;
    assert_eq!(header, serde_json::json!({ "typ": "JWT", "alg": "PS256", "kid": "k1" }));
    let expected = serde_json::json!({
        "iss": "me", "sub": "me", "aud": "them", "scope": ["a", "b"], "iat": 1_735_689_600, "exp": 1_735_689_900, "jti": null,
    });
    assert_eq!(claims, expected);
    assert!(seen.body.contains("scope=a+b") && seen.header("authorization").is_none(), "{seen:?}");

    let (header, ..) = statement(&rsa(), "algorithm = \"RS256\"\nthumbprint = \"abc\"", &RSA_PKCS1_2048_8192_SHA256, &rsa_public()).await;
    assert_eq!(header, serde_json::json!({ "typ": "JWT", "alg": "RS256", "x5t#S256": "abc" }));
}

#[tokio::test]
async fn an_elliptic_key_signs_too() {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let public = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
    let file = std::env::temp_dir().join(format!("mortar-connect-{}.pem", std::process::id()));
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(key.as_ref()));
    std::fs::write(&file, pem).unwrap();
    let (header, claims, _) = statement(&file, "algorithm = \"ES256\"", &ECDSA_P256_SHA256_FIXED, public.public_key().as_ref()).await;
    std::fs::remove_file(file).unwrap();
    assert_eq!(header["alg"], "ES256");
    assert!(claims.get("scope").is_none());
}

#[test]
fn a_key_that_cannot_sign_is_a_problem_of_the_configuration() {
    let problem = |secret: &str, more: &str| {
        let settings = format!(
            "[erp]\nurl = \"https://erp.example.com\"\nauth = {{ kind = \"oauth2-jwt\", token_url = \"https://erp.example.com/t\", client_id = \"me\", private_key = {secret} {more} }}"
        );
        try_connect(&settings).err().unwrap()[0].to_string()
    };
    assert_eq!(
        problem("{ env = \"K\" }", ""),
        "connections.erp.auth.private_key: not a private key in PEM (`-----BEGIN PRIVATE KEY-----`)"
    );
    let wrong = problem(&format!("{{ file = {:?} }}", rsa()), ", algorithm = \"ES256\"");
    assert!(wrong.starts_with("connections.erp.auth.private_key: not a key for ES256: "), "{wrong}");
}
