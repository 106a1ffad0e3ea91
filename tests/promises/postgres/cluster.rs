//! A throw-away Postgres, from the binaries on the machine.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

/// `nobody`, everywhere: Postgres refuses to run as root.
const UNPRIVILEGED: u32 = 65_534;

/// A place for databases of tests: each takes a schema of its own.
pub(crate) struct Place {
    url: String,
    cluster: Option<Cluster>,
}

/// A running server in a folder of its own, stopped when dropped.
struct Cluster {
    folder: TempDir,
    binaries: PathBuf,
    user: Option<u32>,
}

impl Place {
    /// The place that all tests running now share; `None`, said loudly, where there is nothing to make it from.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Place>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = shared.upgrade().or_else(|| Self::new().map(Arc::new))?;
        *shared = Arc::downgrade(&place);
        Some(place)
    }

    /// A server that this test alone may restart; `None`, said loudly, where it cannot be started.
    pub(crate) fn own() -> Option<Self> {
        let Some(cluster) = Cluster::start("") else { return skipped() };
        Some(Self { url: cluster.url(), cluster: Some(cluster) })
    }

    fn new() -> Option<Self> {
        match std::env::var("OPENMAIL_TEST_DATABASE_URL") {
            Ok(url) => Some(Self { url, cluster: None }),
            Err(_) => {
                // What is not crashed on purpose need not survive a crash.
                let Some(cluster) = Cluster::start("fsync = off\n") else { return skipped() };
                Some(Self { url: cluster.url(), cluster: Some(cluster) })
            }
        }
    }

    /// The URL of a schema that nobody else has.
    pub(crate) fn fresh(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let schema = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let separator = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{separator}schema={schema}", self.url)
    }

    /// As [`fresh`](Self::fresh), by way of a socket in another folder.
    pub(super) fn fresh_over(&self, folder: &Path) -> String {
        self.fresh().replace(&escaped(self.folder()), &escaped(folder))
    }

    /// Where the socket of a server of its own is.
    pub(super) fn folder(&self) -> &Path {
        self.cluster.as_ref().expect("a server of its own").folder.path()
    }

    /// Kills the server as a crash would, and starts it again.
    pub(crate) fn restart(&self) {
        let cluster = self.cluster.as_ref().expect("a server of its own");
        cluster.control(&["-m", "immediate", "-w", "restart"]);
    }

    /// Kills the server as a crash would.
    pub(crate) fn stop(&self) {
        self.cluster.as_ref().expect("a server of its own").control(&["-m", "immediate", "-w", "stop"]);
    }

    pub(crate) fn start(&self) {
        self.cluster.as_ref().expect("a server of its own").control(&["-w", "start"]);
    }
}

impl Cluster {
    fn start(more: &str) -> Option<Self> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir().expect("a folder of its own");
        let owner = folder.path().metadata().expect("the folder is there").uid();
        let user = (owner == 0).then_some(UNPRIVILEGED);
        if user.is_some() {
            chown(folder.path(), user, user).expect("root may give a folder away");
        }
        let cluster = Self { folder, binaries, user };
        let data = cluster.data();
        let data = data.to_str().expect("a plain path");
        cluster.run("initdb", &["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"]);
        let socket = cluster.folder.path().display();
        let settings = format!(
            "\nlisten_addresses = ''\nunix_socket_directories = '{socket}'\nmax_connections = 300\n{more}"
        );
        let config = cluster.data().join("postgresql.conf");
        let mut config = std::fs::OpenOptions::new().append(true).open(config).expect("initdb wrote it");
        config.write_all(settings.as_bytes()).expect("it can be added to");
        cluster.control(&["-w", "start"]);
        Some(cluster)
    }

    fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", escaped(self.folder.path()))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn control(&self, arguments: &[&str]) {
        let (data, log) = (self.data(), self.folder.path().join("log"));
        let fixed = ["-D", data.to_str().expect("plain"), "-l", log.to_str().expect("plain")];
        self.run("pg_ctl", &[&fixed, arguments].concat());
    }

    fn run(&self, binary: &str, arguments: &[&str]) {
        let mut command = Command::new(self.binaries.join(binary));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let status = command.status().expect("the binary is there");
        assert!(status.success(), "{binary} {arguments:?} failed");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() || self.data().join("postmaster.pid").exists() {
            self.control(&["-m", "immediate", "-w", "stop"]);
        }
    }
}

/// Where `initdb` and its kind are: in the path, or where the distributions put them.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_both = |folder: &Path| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    let in_path = std::env::split_paths(&path).find(|folder| has_both(folder));
    in_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        versions.flatten().map(|version| version.path().join("bin")).filter(|folder| has_both(folder)).max()
    })
}

fn skipped<T>() -> Option<T> {
    let words = "\nSKIPPED: no initdb found and OPENMAIL_TEST_DATABASE_URL not set; the Postgres store is NOT tested\n";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    // Not `eprintln`: the harness keeps that to itself when a test passes.
    let _ = std::io::stderr().write_all(words.as_bytes());
    None
}

fn escaped(folder: &Path) -> String {
    folder.to_str().expect("a plain path").replace('/', "%2F")
}
