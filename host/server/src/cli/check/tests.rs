use std::sync::Arc;

use mortar_core::event::TypedEvent;
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::{BoxFuture, Handler, Host, Ran, Run};

use super::*;

/// A folder with a configuration and a secret that is long enough.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("plugins")).unwrap();
    fs::write(folder.path().join("mortar.toml"), config).unwrap();
    fs::write(folder.path().join("secret"), "0123456789abcdef\n").unwrap();
    set_mode(&folder.path().join("secret"), 0o600);
    folder
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

async fn check(folder: &tempfile::TempDir, offline: bool) -> (Exit, String) {
    let mut buffer = Vec::new();
    let mut output = Output::plain(&mut buffer, false);
    let exit = run(&Check { offline, journal: false }, &folder.path().join("mortar.toml"), &mut output).await.unwrap();
    (exit, String::from_utf8(buffer).unwrap().replace(&format!("{}/", folder.path().display()), ""))
}

const SOURCE: &str = "[sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{ file = \"secret\" }]\n";

#[tokio::test]
async fn what_holds_is_said_and_no_plugin_is_a_warning() {
    let (exit, printed) = check(&folder(SOURCE), false).await;
    assert_eq!(exit, Exit::Done, "{printed}");
    let expected = "\
ok  configuration mortar.toml
ok  source masonhub at /webhooks/masonhub
ok  journal mortar.db
mortar.toml: warning: there is no plugin in plugins: events are stored, and nothing handles them
0 problems, 1 warning
";
    assert_eq!(printed, expected);
}

#[tokio::test]
async fn problems_of_every_kind_are_told_at_once() {
    let config = format!(
        "log.level = \"info,=\"\n{SOURCE}\n[journal]\npath = \"nowhere/mortar.db\"\n\n\
         [[sources.shop.verify]]\nscheme = \"hex\"\nheader = \"X-Shop\"\nkey = \"hex\"\nsecrets = [{{ file = \"secret\" }}, {{ file = \"no\" }}]\n\n\
         [connections.erp]\nurl = \"http://169.254.169.254\"\n"
    );
    let folder = folder(&config);
    fs::write(folder.path().join("secret"), "short").unwrap();
    fs::create_dir(folder.path().join("plugins/rest")).unwrap();
    fs::write(folder.path().join("plugins/rest/rest.wasm"), "not WebAssembly").unwrap();
    fs::write(folder.path().join("plugins/rest/plugin.toml"), "conections = [\"erp\"]\n").unwrap();
    let (exit, printed) = check(&folder, true).await;
    assert_eq!(exit, Exit::Configuration, "{printed}");
    for expected in [
        "mortar.toml:13:33: sources.shop.verify[0].secrets[1]: the secret file no cannot be read",
        "mortar.toml:1:5: log.level: ",
        "mortar.toml:4:12: warning: sources.masonhub.secrets[0]: the secret is short",
        "mortar.toml:13:12: sources.shop.verify[0].secrets[0]: the secret is not hex",
        "mortar.toml:7:1: the journal nowhere/mortar.db cannot be written: No such file",
        "plugins/rest/plugin.toml:1:1: unknown key `conections`",
        "plugins/rest/rest.wasm: ",
        "mortar.toml:16:1: connections.erp.url: ",
    ] {
        assert!(printed.contains(&format!("\n{expected}")) || printed.starts_with(expected), "{expected}\nis not in\n{printed}");
    }
    assert!(printed.ends_with("7 problems, 1 warning\n"), "{printed}");
}

#[tokio::test]
async fn a_connection_that_cannot_be_reached_is_no_fault_of_the_configuration() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let folder = folder(&format!("{SOURCE}[connections.erp]\nurl = \"http://{closed}\"\nprivate_addresses = true\n"));
    let (exit, printed) = check(&folder, false).await;
    assert_eq!(exit, Exit::Failed, "{printed}");
    assert!(printed.contains("\nmortar.toml:5:1: connections.erp: "), "{printed}");
    let (exit, printed) = check(&folder, true).await;
    assert_eq!(exit, Exit::Done, "{printed}");
    assert!(printed.contains("\nok  connection erp (not tried)\n"), "{printed}");
}

struct NeverRun;

impl Handler for NeverRun {
    fn run(&self, _: Run, _: Option<TypedEvent>, _: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        unreachable!("a check runs no plugin")
    }
}

#[test]
fn a_connection_that_no_plugin_may_use_is_a_warning() {
    let folder = folder("[connections.erp]\nurl = \"https://erp.example.com\"\n\n[connections.mail]\nurl = \"https://mail.example.com\"\n");
    let settings: PluginSettings = toml::from_str("connections = [\"erp\"]").unwrap();
    let plugin = Plugin {
        name: "rest".into(),
        digest: "00".into(),
        component: "00".into(),
        provenance: Arc::default(),
        families: Vec::new(),
        any_event: true,
        round_trip: false,
        settings: Arc::new(settings),
        handler: Arc::new(NeverRun),
    };
    let loaded = config::read(&folder.path().join("mortar.toml")).unwrap();

    let told = |problems: Vec<Problem>| Problem::list(&problems).replace(&format!("{}/", folder.path().display()), "");
    let idle = told(unused(&[plugin], &loaded));
    assert_eq!(idle, "mortar.toml:4:14: warning: no plugin may use the connection mail: name it in `connections` of a plugin.toml");
}

#[tokio::test]
async fn a_webhook_that_cannot_be_used_is_told() {
    let webhook = "[alerts]\nwebhook = { url = \"http://127.0.0.1/x\", secret = { file = \"secret\" } }\n";
    let (exit, printed) = check(&folder(&format!("{SOURCE}{webhook}")), true).await;
    assert_eq!(exit, Exit::Configuration, "{printed}");
    assert!(printed.contains("alerts.webhook.url: ") && printed.contains("private_addresses"), "{printed}");
    // 16 characters of base64 are 12 bytes.
    assert!(printed.contains("alerts.webhook.secret: is shorter than 16 bytes"), "{printed}");
}
