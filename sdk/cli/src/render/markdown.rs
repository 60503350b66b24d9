//! A plan as Markdown, for a comment on a pull request: counts, what is lost, the rest folded.

use super::{
    plan,
    step::{View, is_refused, symbol},
    summary,
};
use terrane_core::plan::{Plan, Purpose};

/// Wide enough that nothing is cut where the page scrolls.
const COLUMNS: usize = 160;

/// The whole comment.
pub(crate) fn plan_summary(plan: &Plan) -> String {
    let verb = match plan.purpose {
        Purpose::Up => "up",
        Purpose::Destroy => "destroy",
    };
    let mut page = format!("### {} / {}: `{verb}`\n\n", escape(&plan.project), escape(&plan.stack));
    let sentence = summary::summary(plan, usize::MAX).unstyled();
    page += &format!("{}\n", escape(sentence.lines().last().unwrap_or_default().trim()));
    let lost = summary::destructive(plan);
    if !lost.is_empty() {
        page += "\n| | resource | kind |\n|---|---|---|\n";
        for step in &lost {
            let what = if is_refused(step) { "refused" } else { step.op.word() };
            let (label, kind) = (escape(&step.urn.label()), step.urn.kind());
            page += &format!("| {} **{what}** | {label} | `{kind}` |\n", symbol(step).0);
        }
    }
    for fault in &plan.faults {
        page += &format!("\n**error**: {}\n", escape(&fault.message));
    }
    for claim in &plan.claims {
        let answer = if claim.holds { "yes" } else { "**no**" };
        page += &format!("\n- {} `{}`: {answer}, {}\n", escape(&claim.subject), claim.name, escape(&claim.why));
    }
    let details = plan::plan(plan, View { columns: COLUMNS, diff: false, unchanged: false }).unstyled();
    // A fence longer than any in the text, so that no value can close it.
    let fence = "`".repeat(longest_run(&details, '`').max(2) + 1);
    page + &format!("\n<details><summary>The plan</summary>\n\n{fence}text\n{details}{fence}\n\n</details>\n")
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
