//! As much of a WebDriver client as the page needs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::client::PATIENCE;

/// More browsers at once than this only keep each other waiting.
static BROWSERS: Semaphore = Semaphore::const_new(4);

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser without a window, and the driver it hangs on.
pub(crate) struct Browser {
    http: Client,
    session: String,
    driver: Child,
    _profile: TempDir,
    _place: SemaphorePermit<'static>,
}

/// The driver and its port; none if there is no driver on this machine.
fn start_driver() -> Option<(Child, String)> {
    // It takes a free port for IPv4, and gives up if the same one is taken for IPv6.
    for _ in 0..10 {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut driver = match started {
            Ok(driver) => driver,
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "chromedriver is needed: {error}");
                eprintln!("SKIPPED: the page is not tested, because there is no chromedriver ({error})");
                return None;
            }
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = |line: String| Some(line.split_once("successfully on port ")?.1.to_owned());
        if let Some(port) = lines.find_map(said) {
            return Some((driver, port.trim_end_matches('.').to_owned()));
        }
        driver.kill().ok();
        driver.wait().ok();
    }
    panic!("chromedriver found no port");
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ending the session is what ends the browser; a driver that is killed leaves it behind.
        self.end_session().ok();
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

impl Browser {
    /// None, and loudly so, where there is no chromedriver. In CI that is a failure.
    pub(crate) async fn open(width: u32, height: u32, url: &str) -> Option<Self> {
        let place = BROWSERS.acquire().await.unwrap();
        let (driver, port) = start_driver()?;
        let profile = TempDir::new().unwrap();
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let mut browser = Self { http, session: base, driver, _profile: profile, _place: place };
        let options = browser.options(width, height);
        let session = browser.call(Method::POST, "/session", options).await;
        browser.session = format!("{}/session/{}", browser.session, session["sessionId"].as_str().unwrap());
        browser.call(Method::POST, "/timeouts", json!({"script": PATIENCE.as_millis() as u64 / 2})).await;
        browser.call(Method::POST, "/url", json!({"url": url})).await;
        Some(browser)
    }

    fn end_session(&self) -> std::io::Result<()> {
        let address = self.session.trim_start_matches("http://");
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        // The answer comes once the browser is gone. The driver keeps the connection, whatever it is told.
        stream.read(&mut [0; 1024]).map(drop)
    }

    fn options(&self, width: u32, height: u32) -> Value {
        let profile = self._profile.path().display();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &format!("--user-data-dir={profile}"),
        ];
        let device = json!({"deviceMetrics": {"width": width, "height": height, "pixelRatio": 1.0}});
        let chrome = json!({"args": arguments, "mobileEmulation": device});
        json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": chrome}}})
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.session)).json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    async fn element(&self, selector: &str) -> String {
        // What is looked for may not have been drawn yet, or not be shown yet.
        self.wait_for(&format!("document.querySelector({selector:?})?.checkVisibility() === true")).await;
        let found = json!({"using": "css selector", "value": selector});
        self.call(Method::POST, "/element", found).await[ELEMENT].as_str().unwrap().to_owned()
    }

    pub(crate) async fn click(&self, selector: &str) {
        let id = self.element(selector).await;
        self.call(Method::POST, &format!("/element/{id}/click"), json!({})).await;
    }

    /// Types over what stands there.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let id = self.element(selector).await;
        self.call(Method::POST, &format!("/element/{id}/clear"), json!({})).await;
        self.call(Method::POST, &format!("/element/{id}/value"), json!({"text": text})).await;
    }

    pub(crate) async fn press(&self, selector: &str, keys: &str) {
        let id = self.element(selector).await;
        self.call(Method::POST, &format!("/element/{id}/value"), json!({"text": keys})).await;
    }

    /// The value of an expression.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let script = json!({"script": format!("return {expression}"), "args": []});
        self.call(Method::POST, "/execute/sync", script).await
    }

    /// The page as PDF, in base64.
    pub(crate) async fn print(&self) -> String {
        self.call(Method::POST, "/print", json!({})).await.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true, asking again whenever the page changes.
    pub(crate) async fn wait_for(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0];
             const look = () => {{
               if (!({expression})) return false;
               watcher.disconnect();
               removeEventListener('load', look, true);
               done(true);
               return true;
             }};
             const watcher = new MutationObserver(look);
             watcher.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});
             addEventListener('load', look, true);
             look();"
        );
        self.call(Method::POST, "/execute/async", json!({"script": script, "args": []})).await;
    }

    /// Waits until this text is in an element.
    pub(crate) async fn wait_for_text(&self, selector: &str, text: &str) {
        let has = format!(
            "[...document.querySelectorAll({selector:?})].some((one) => one.textContent.includes({text:?}))"
        );
        self.wait_for(&has).await;
    }
}
