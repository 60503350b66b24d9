//! A plan: what is made and changed as a tree, what waits, what is lost last of all, and a sentence that sums it up.

use super::{
    notes, step,
    step::{View, is_destructive},
    summary,
    text::{Line, Text, Tone},
    tree::{self, Block},
    units::{count, some_of},
};
use terrane_core::{
    Urn,
    plan::{Op, Plan, Purpose, Step, Waiting},
};

/// The line above a plan: which stack, where its state is, how large it is.
pub(crate) fn heading(plan: &Plan, place: &str) -> Line {
    let resources = match plan.purpose {
        Purpose::Up => {
            let kept = plan.steps.iter().filter(|step| !matches!(step.op, Op::Delete | Op::Forget));
            format!("{} in the program", count(kept.count(), "resource"))
        }
        Purpose::Destroy => format!("{} in state", count(plan.steps.len(), "resource")),
    };
    Line::new()
        .with(Tone::Strong, format!("{} / {}", plan.project, plan.stack))
        .add(format!(" · {place} · {resources}"))
}

/// All that a person should know before they agree.
pub(crate) fn plan(plan: &Plan, view: View) -> Text {
    let mut text = Text::new();
    let shown = |step: &&Step| step.op != Op::Same || step.moved_from.is_some() || view.unchanged;
    let (lost, kept): (Vec<&Step>, Vec<&Step>) = plan.steps.iter().filter(shown).partition(|step| is_destructive(step));
    // Refused steps come after those that would be carried out: they are what has to be mended.
    let (refused, lost): (Vec<&Step>, Vec<&Step>) = lost.into_iter().partition(|step| step::is_refused(step));
    let rows = |steps: Vec<&Step>| -> Vec<(String, step::Row)> {
        steps.into_iter().map(|step| (step.urn.scope().to_owned(), step::row(plan, step, view))).collect()
    };
    // What is lost is named one by one, unless everything goes.
    let fold = plan.purpose == Purpose::Destroy;
    let blocks = [(kept, true), (lost, fold), (refused, false)];
    let [kept, lost, refused] = tree::draw(blocks.map(|(steps, fold)| Block { rows: rows(steps), fold }), view);
    for block in [kept, waiting(&plan.waiting), lost, refused] {
        text.block(block);
    }
    text.block(notes::notes(&plan.notes, view.columns));
    text.block(summary::summary(plan, view.columns));
    text
}

/// Parts of the program that wait for values.
fn waiting(parts: &[Waiting]) -> Text {
    let mut text = Text::new();
    for part in parts {
        let on: Vec<String> = part.on.iter().map(|urn| format!("{}/{}", urn.kind(), urn.name())).collect();
        let line = Line::plain("  ").with(Tone::Warning, "?").add(" ").with(Tone::Strong, &part.scope);
        text.line(line.add(format!("  waits for {}", some_of(&on, 3))).with(Tone::Dim, format!("   {}", part.site)));
        if !part.held.is_empty() {
            let held: Vec<String> = part.held.iter().map(Urn::label).collect();
            text.line(Line::plain(format!("      held until then: {}", some_of(&held, 4))));
        }
    }
    text
}
