//! What a person has agreed to: a run never does more to a resource than the plan showed.

use terrane_core::{
    Urn,
    plan::{Op, Plan, Why},
    urn::UrnMap,
};

/// The most destructive step that was agreed to for each resource. What was not shown at all may be made and changed, never destroyed.
#[derive(Default)]
pub(crate) struct Approved(UrnMap<u8>);

impl Approved {
    /// Agrees to a plan that was shown. That a protected resource may be replaced is shown, but not agreed to.
    pub(crate) fn show(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let refused = step.uncertain && step.kept.protected;
            let severity = if refused { step.op.severity().min(CHANGES) } else { step.op.severity() };
            self.raise(&step.urn, severity);
        }
    }

    /// Agrees to what a later wave makes and changes.
    pub(crate) fn add(&mut self, plan: &Plan) {
        for step in &plan.steps {
            self.raise(&step.urn, step.op.severity().min(CHANGES));
        }
    }

    fn raise(&mut self, urn: &Urn, severity: u8) {
        let most = self.0.entry(urn.clone()).or_default();
        *most = severity.max(*most);
    }

    /// Whether an operation on a resource was agreed to.
    pub(crate) fn covers(&self, urn: &Urn, op: Op) -> bool {
        op.severity() <= self.0.get(urn).copied().unwrap_or(CHANGES)
    }
}

/// The severity of what makes and changes, and destroys nothing.
const CHANGES: u8 = 1;

/// Why a step is not carried out without asking.
pub(crate) fn refusal(op: Op, why: &[Why]) -> String {
    let because: Vec<String> = why.iter().map(ToString::to_string).collect();
    format!("it would be {}: {}", op.participle(), because.join("; "))
}
