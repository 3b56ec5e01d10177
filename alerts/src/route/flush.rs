//! What is told of a group when its time comes, and what not. Pure.

use super::Tree;
use crate::deliver::message::Message;
use crate::incident::inhibit::{Fires, inhibitor};
use crate::incident::quiet::Quiet;
use crate::incident::{Incident, State, fingerprint};
use crate::ledger::{Flush, Group, Member};

/// What decisions rest on beside the group itself.
pub struct Moment<'m> {
    pub now: i64,
    pub tree: &'m Tree,
    pub quiet: &'m Quiet,
    /// What fires, anywhere.
    pub firing: &'m [Fires],
    /// Names of a receiver's destinations.
    pub destinations: &'m (dyn Fn(&str) -> Vec<String> + Sync),
    /// Address of this server as people reach it.
    pub url: &'m str,
}

/// Decides about a group.
pub fn decide(m: &Moment<'_>, group: &Group, members: &[Member]) -> Flush {
    let mut flush = Flush::default();
    let (mut fires, mut over, mut news, mut unseen) = (Vec::new(), Vec::new(), false, false);
    for member in members {
        let i = &member.incident;
        match (i.state, member.told) {
            (State::Resolved, Some(State::Firing)) => {
                news = true;
                over.push(i);
            }
            // Nobody heard that it began, or everybody heard that it ended.
            (State::Resolved, _) => flush.done.push(i.id),
            (State::Pending, _) => {}
            (State::Firing, told) => {
                let by = inhibitor(&m.tree.inhibitions, m.firing, i.id, &i.labels);
                if by != i.inhibited_by {
                    flush.inhibited.push((i.id, by));
                }
                if by.is_some() || m.quiet.muted(&i.rule, &i.app_name, m.now) || m.quiet.silenced(&i.labels, m.now) {
                    continue;
                }
                news |= told != Some(State::Firing);
                // What somebody takes care of need not be told again.
                unseen |= i.acknowledged_by.is_none();
                fires.push(i);
            }
        }
    }
    let again = unseen && group.told_at.is_none_or(|at| m.now >= at.saturating_add(group.repeat_interval));
    if !(news || again && !fires.is_empty()) || !m.tree.tells_at(&group.active, &group.mute, m.now) {
        return flush;
    }
    flush.tells = true;
    flush.told =
        fires.iter().map(|i| (i.id, State::Firing)).chain(over.iter().map(|i| (i.id, State::Resolved))).collect();
    flush.done.extend(over.iter().map(|i| i.id));
    let all: Vec<&Incident> = fires.into_iter().chain(over).collect();
    let told = (group.told + 1).to_string();
    for destination in (m.destinations)(&group.receiver) {
        let (id, receiver) = (group.id.to_string(), group.receiver.as_str());
        let message = Message {
            key: fingerprint(&[&group.key, &id, &told, receiver, &destination]),
            group_key: group.key.clone(),
            receiver: group.receiver.clone(),
            group_labels: group.labels.clone(),
            at: m.now,
            again_at: m.now.saturating_add(group.repeat_interval).saturating_add(group.group_interval),
            ..Message::about(&all, m.url)
        };
        flush.messages.push((destination, message));
    }
    flush
}
