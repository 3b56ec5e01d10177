//! `stages/{stage}/{attempt}/graph`: the RDDs of a stage by the operations that made them.

use std::collections::BTreeSet;

use afterglow_ingest::event::Scope;
use axum::response::Response;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::target::Target;
use crate::state::RddNode;

#[derive(Serialize)]
struct Graph {
    operators: Vec<Operator>,
    edges: Vec<Edge>,
    parents: Vec<Parent>,
}

#[derive(Serialize)]
struct Operator {
    id: String,
    name: String,
    rdds: Vec<Rdd>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rdd {
    id: i64,
    name: String,
    call_site: String,
    cached: bool,
    barrier: bool,
}

/// From an RDD to one that is made of it.
#[derive(Serialize)]
struct Edge {
    from: i64,
    to: i64,
}

#[derive(Serialize)]
struct Parent {
    stage: i64,
}

pub async fn of_stage(target: Target) -> Result<Response, ApiError> {
    let (id, attempt) = (target.number("stage")?, target.number("stage_attempt")?);
    let Some(stage) = target.reader.stage(id).await?.into_iter().find(|s| s.attempt_id == attempt) else {
        return Err(ApiError::not_found(format!("there is no stage {id} with an attempt {attempt}")));
    };
    let here: BTreeSet<i64> = stage.rdds.iter().map(|r| r.id).collect();
    let edges = stage.rdds.iter().flat_map(|r| r.parent_ids.iter().map(|from| Edge { from: *from, to: r.id }));
    target.json(&Graph {
        edges: edges.filter(|e| here.contains(&e.from)).collect(),
        parents: stage.parent_ids.iter().map(|stage| Parent { stage: *stage }).collect(),
        operators: operators(stage.rdds),
    })
}

/// RDDs by their scope, in the order in which they were made; one without a scope is on its own.
fn operators(mut rdds: Vec<RddNode>) -> Vec<Operator> {
    rdds.sort_by_key(|r| r.id);
    let mut out: Vec<Operator> = Vec::new();
    for r in rdds {
        let scope = r.scope.as_deref().and_then(Scope::read);
        let rdd = Rdd { id: r.id, name: r.name, call_site: r.callsite, cached: r.cached, barrier: r.barrier };
        let Some(Scope { id, name }) = scope else {
            out.push(Operator { id: format!("rdd_{}", rdd.id), name: rdd.name.clone(), rdds: vec![rdd] });
            continue;
        };
        match out.iter_mut().find(|o| o.id == id) {
            Some(operator) => operator.rdds.push(rdd),
            None => out.push(Operator { id, name, rdds: vec![rdd] }),
        }
    }
    out
}
