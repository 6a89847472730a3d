//! The deployment's audit log in the journal, and the changes that this console sent: asked for when the journal opens.

use std::sync::Arc;

use super::{App, Level};
use crate::client::message::{Command, Part, Problem, Sent};
use crate::model::AuditEntry;
use crate::tui::effect::Effect;

/// What is known of the deployment's audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditLog {
    /// The newest entries, the newest first.
    pub known: Option<Arc<Vec<AuditEntry>>>,
    /// Why the last question was not answered.
    pub problem: Option<Problem>,
    /// A question waits for its answer.
    pub asking: bool,
}

/// Asks for the newest entries, unless the deployment is known not to have any.
pub(super) fn ask(app: &mut App, effects: &mut Vec<Effect>) {
    let lacks = app.deployment.as_ref().is_some_and(|deployment| deployment.serves.lacks(Part::Audit));
    if lacks {
        app.audit.problem = Some(Part::Audit.not_served());
    } else if !app.audit.asking {
        app.audit.asking = true;
        effects.push(Effect::Client(Command::Audit));
    }
}

/// Takes the newest entries; where they did not come, those of before stay.
pub(super) fn answered(app: &mut App, answer: Result<Arc<Vec<AuditEntry>>, Problem>) {
    app.audit.asking = false;
    match answer {
        Ok(entries) => (app.audit.known, app.audit.problem) = (Some(entries), None),
        Err(problem) => app.audit.problem = Some(problem),
    }
}

/// A change was sent: the journal says what came of it, and by which name the deployment knows it.
pub(super) fn sent(app: &mut App, sent: &Sent) {
    let came = match &sent.problem {
        None => "done".to_owned(),
        Some(problem) => problem.to_string(),
    };
    let text = format!("{} (request {}, {:.1} s): {came}", sent.call, sent.request, sent.took.as_secs_f32());
    app.notes.add(app.now, Level::Trace, text);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::*;
    use super::*;
    use crate::client::message::{Offer, Serves, Update};

    fn problem(what: &str) -> Problem {
        Problem { what: what.to_owned(), hint: "Ask an owner.".to_owned() }
    }

    #[test]
    fn the_audit_log_is_asked_for_when_the_journal_opens_and_not_twice() {
        let mut app = live((120, 40), "dark");
        assert_eq!(commands(&press(&mut app, "L")), [&Command::Audit]);
        assert!(screen(&mut app).contains("audit log   asking"));
        assert!(commands(&press(&mut app, "L L")).is_empty(), "the answer is still to come");
        tell(&mut app, audit_log());
        let shown = screen(&mut app);
        assert!(shown.contains("the newest 3 entries are below"), "{shown}");
        assert!(shown.contains("ops: SubmitMaterializationJob of prod/carrier_delays_hourly"), "{shown}");
        assert!(shown.contains("request 3f2a91c077b01d52"), "{shown}");
        assert_eq!(commands(&press(&mut app, "L L")), [&Command::Audit], "whoever looks again wants the newest");
    }

    #[test]
    fn a_key_without_the_right_and_a_deployment_without_a_log_stand_in_its_place() {
        let mut app = live((120, 40), "dark");
        press(&mut app, "L");
        tell(&mut app, Update::Audit { answer: Err(problem("The key may not read the audit log.")) });
        let shown = screen(&mut app);
        assert!(shown.contains("The key may not read the audit log. Ask an owner."), "{shown}");
        press(&mut app, "L");
        let mut serves = Serves::default();
        serves.note(Part::Audit, Offer::Missing(Part::Audit.not_served()));
        tell(&mut app, Update::Deployment { url: "http://h/api".to_owned(), notices: Vec::new(), serves });
        tell(&mut app, Update::Audit { answer: Err(problem("Old.")) });
        assert!(commands(&press(&mut app, "L")).is_empty(), "it is not asked for what it does not have");
        let shown = screen(&mut app);
        assert!(shown.contains("This deployment does not serve the audit log."), "{shown}");
    }

    #[test]
    fn a_change_that_was_sent_stands_in_the_journal_by_its_request() {
        let mut app = live((120, 40), "dark");
        let sent = |problem| Sent {
            call: "CancelMaterializationJob".to_owned(),
            request: "0123456789abcdef0123456789abcdef".to_owned(),
            took: Duration::from_millis(250),
            problem,
        };
        tell(&mut app, Update::Sent(sent(None)));
        tell(&mut app, Update::Sent(sent(Some(problem("The deployment refuses it.")))));
        press(&mut app, "L");
        let shown = screen(&mut app);
        let line = "CancelMaterializationJob (request 0123456789abcdef0123456789abcdef, 0.2 s): done";
        assert!(shown.contains(line) || shown.contains(&line.replace("0.2", "0.3")), "{shown}");
        assert!(shown.contains("The deployment refuses it."), "{shown}");
    }
}
