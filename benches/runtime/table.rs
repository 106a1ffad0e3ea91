use std::time::Duration;

/// The figures, a row each.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

struct Row {
    figure: &'static str,
    bare: String,
    agent: String,
    ratio: String,
    target: &'static str,
    met: Option<bool>,
}

impl Table {
    /// A figure that has a counterpart made of the bare parts.
    pub(crate) fn beside(
        &mut self,
        figure: &'static str,
        (bare, agent): (String, String),
        ratio: f64,
        (target, met): (&'static str, bool),
    ) {
        self.push(Row { figure, bare, agent, ratio: format!("{ratio:.2}"), target, met: Some(met) });
    }

    /// What a piece of work costs, for which there is no target.
    pub(crate) fn work(&mut self, figure: &'static str, bare: Duration, agent: Duration) {
        let micros = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
        let ratio = format!("{:.2}", bare.div_duration_f64(agent));
        self.push(Row { figure, bare: micros(bare), agent: micros(agent), ratio, target: "", met: None });
    }

    /// A figure that stands alone.
    pub(crate) fn alone(&mut self, figure: &'static str, agent: String, target: &'static str, met: bool) {
        self.push(Row { figure, bare: String::new(), agent, ratio: String::new(), target, met: Some(met) });
    }

    fn push(&mut self, row: Row) {
        eprintln!("{}: {}", row.figure, row.agent);
        self.0.push(row);
    }

    pub(crate) fn print(&self) {
        println!(
            "\n| figure | bare parts | openmail-agent | ratio | target | met |\n|---|--:|--:|--:|---|---|"
        );
        for Row { figure, bare, agent, ratio, target, met } in &self.0 {
            let met = met.map_or("", |met| if met { "yes" } else { "no" });
            println!("| {figure} | {bare} | {agent} | {ratio} | {target} | {met} |");
        }
    }
}

pub(crate) fn a_second(rate: f64) -> String {
    format!("{:.0}/s", rate)
}

pub(crate) fn time(time: Duration) -> String {
    match time.as_micros() {
        micros if micros < 10_000 => format!("{micros} µs"),
        micros => format!("{} ms", micros / 1000),
    }
}
