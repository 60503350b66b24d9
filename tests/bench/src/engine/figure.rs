//! Figures, and how they are printed: a table for people, a JSON object a line for programs.

use anyhow::Result;
use serde::Serialize;

use super::case::Case;

/// What one measurement has found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figure {
    pub(super) tool: &'static str,
    pub(super) case: &'static str,
    pub(super) shape: String,
    pub(super) resources: usize,
    pub(super) seconds: f64,
    /// The most memory that the process had.
    pub(super) rss_bytes: u64,
    /// The size of the state afterwards.
    pub(super) state_bytes: u64,
    pub(super) written_bytes: u64,
    /// Whether an earlier run has learned how long resources take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<bool>,
    /// The shortest time that was possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bound_seconds: Option<f64>,
    /// How many times as long another tool took as Terrane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ratio: Option<f64>,
}

impl Figure {
    /// The one in the middle, by time; there is at least one.
    pub(super) fn median(mut figures: Vec<Self>) -> Self {
        figures.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        figures.swap_remove(figures.len() / 2)
    }

    /// A figure of which only the time is known so far.
    pub(super) fn new(tool: &'static str, case: &'static str, of: &Case, seconds: f64) -> Self {
        Self {
            tool,
            case,
            shape: of.shape.to_string(),
            resources: of.resources,
            seconds,
            rss_bytes: 0,
            state_bytes: 0,
            written_bytes: 0,
            known: None,
            bound_seconds: None,
            ratio: None,
        }
    }

    fn row(&self) -> String {
        let Self { tool, case, shape, resources, seconds, .. } = self;
        let sizes = [self.rss_bytes, self.state_bytes, self.written_bytes].map(megabytes).join(" ");
        let bound = self.bound_seconds.map(|bound| format!("{:.3} x the bound of {bound:.3} s", seconds / bound));
        let known = self.known.map(|known| if known { "times known" } else { "times unknown" }.to_owned());
        let ratio = self.ratio.map(|ratio| format!("{ratio:.0} x as long as terrane"));
        let remarks = [bound, known, ratio].into_iter().flatten().collect::<Vec<_>>().join(", ");
        format!("{tool:<9} {case:<8} {shape:<7} {resources:>9} {seconds:>9.3} {sizes}  {remarks}").trim_end().to_owned()
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:>10.2}", bytes as f64 / 1e6)
}

/// All figures so far; each is printed as it comes.
pub(super) struct Figures {
    json: bool,
    all: Vec<Figure>,
}

impl Figures {
    pub(super) fn new(json: bool) -> Self {
        if !json {
            let sizes = ["memory MB", "state MB", "written MB"].map(|title| format!("{title:>10}")).join(" ");
            println!("{:<9} {:<8} {:<7} {:>9} {:>9} {sizes}", "tool", "case", "shape", "resources", "seconds");
        }
        Self { json, all: Vec::new() }
    }

    pub(super) fn add(&mut self, figure: Figure) -> Result<()> {
        println!("{}", if self.json { serde_json::to_string(&figure)? } else { figure.row() });
        self.all.push(figure);
        Ok(())
    }

    /// How long Terrane took for the same.
    pub(super) fn own_seconds(&self, case: &str, shape: &str, resources: usize) -> Option<f64> {
        let same = |figure: &&Figure| {
            figure.tool == "terrane" && figure.case == case && figure.shape == shape && figure.resources == resources
        };
        self.all.iter().find(same).map(|figure| figure.seconds)
    }
}
