/** Advice for incidents, how it turned out, and the operator's own actions: docs/remediation.md. Times are epoch milliseconds. */

import { type Endpoint, endpoint, sendJson } from './client';
import type { Advice, Severity } from './findings';

const ROOT = '/api/afterglow/v1';

/** Where the search for advice of a model stands. */
export type Standing =
  | 'off' | 'over' | 'mild' | 'inhibited' | 'pending' | 'old'
  | 'queued' | 'asking' | 'advised'
  | 'budget' | 'breaker' | 'failed' | 'deadline' | 'ungrounded' | 'lost';

/** A sentence with the ids of what it rests on. */
export interface Claim {
  text: string;
  cites: string[];
}

export interface Change {
  key: string;
  current: string | null;
  suggested: string;
  why: string;
  cites: string[];
}

/** What is left of a model's answer. */
export interface Answer {
  cause: Claim | null;
  steps: Claim[];
  settings: Change[];
  /** Claims that were left out, by why. */
  dropped: Record<string, number>;
}

/**
 * Evidence has a name, a value and an address as in a finding, a passage of the knowledge base a title and where it is from; address and text
 * unless an older release asked.
 */
export type Cited = { id: string; name: string; value: string; path?: string; pointer?: string; computed_from?: string } | { id: string; title: string; from: string; text?: string };

export interface ModelAdvice {
  state: string;
  why: string | null;
  at: number;
  deadline: number;
  model: string;
  answer: Answer | null;
  cited: Cited[] | null;
  /** When it was first given, if it was for a case that was alike. */
  reused_from: number | null;
}

export interface Counted {
  tokens: number;
  /** null: there are no prices. */
  money: number | null;
}

/** A request to the model, as the audit has it. */
export interface Call {
  id: number;
  at: number;
  model: string;
  system: string;
  prompt: string;
  outcome: string;
  answer: string | null;
  error: string | null;
  tokens: { input: number; output: number } | null;
  dropped: number;
  counted: Counted & { ms: number };
}

export type Verdict = 'worked' | 'no effect' | 'worse' | 'not tried' | 'not known';
export type Said = Extract<Verdict, 'worked' | 'no effect' | 'worse'>;

/** How the job did when it ran again. */
export interface FollowUp {
  at: number;
  kind: string;
  /** Application and attempt (`-` without one), with a slash between. */
  before: string;
  after: string;
  verdict: Verdict;
  changed: { key: string; before: string | null; after: string | null }[];
  cost_before: number | null;
  cost_after: number | null;
  /** `ms/GiB`, `core-ms/million records`, `ms`. */
  unit: string | null;
  why: string | null;
}

/** How often changing a setting turned out in each way. */
export interface Record3 {
  worked: number;
  no_effect: number;
  worse: number;
}

export type RuleAdvice = Advice & { record?: Record3 };

export interface Feedback {
  about: 'rule' | 'model';
  verdict: Said;
  by: string;
  comment: string;
  at: number;
}

/** An action as it is declared now. */
export interface Declared {
  kind: string;
  target: string;
  dry_run: boolean;
  per_hour: number;
  within_hour: number;
}

export interface ActionRun {
  id: number;
  action: string;
  state: 'proposed' | 'running' | 'done' | 'failed' | 'refused';
  /** As it was proposed. */
  dry_run: boolean;
  by: string | null;
  comment: string | null;
  proposed_at: number;
  decided_at: number | null;
  ended_at: number | null;
  request: unknown;
  reply: string | null;
  /** null: is not declared any more. */
  declared: (Declared & { automatic: boolean }) | null;
}

export interface IncidentRemediation {
  standing: Standing;
  deadline_ms: number;
  attempts: number;
  advice: ModelAdvice | null;
  rule_advice: RuleAdvice[];
  follow_up: FollowUp[];
  actions: ActionRun[];
  feedback: Feedback[];
  calls: Call[];
}

const of = (id: number) => `${ROOT}/incidents/${id}`;

export const remediationOf = (id: number): Endpoint<IncidentRemediation> => endpoint(`${of(id)}/remediation`);
export const askAgain = (id: number, by: string): Promise<void> => sendJson('POST', `${of(id)}/remediation/ask`, { by });
export const giveFeedback = (id: number, said: Omit<Feedback, 'at'>): Promise<void> => sendJson('POST', `${of(id)}/remediation/feedback`, said);
export const decide = (id: number, action: string, what: 'approve' | 'refuse', by: string, comment: string): Promise<void> =>
  sendJson('POST', `${of(id)}/actions/${encodeURIComponent(action)}/${what}`, { by, comment });

interface Amounts {
  tokens: number | null;
  money: number | null;
  ms: number | null;
}

export interface Remediation {
  enabled: boolean;
  model: string | null;
  severities: Severity[];
  spent_today: Amounts;
  budget_of_day: Amounts;
  budget_of_incident: Amounts;
  calls_today: { total: number; by_outcome: Record<string, number> };
  /** null: another process asks, and this one does not know. */
  breaker: { state: 'closed' | 'open' | 'half-open'; until: number | null } | null;
  runbooks: string | null;
  knowledge: { files: number; passages: number; newest: { name: string; at: number } | null; rules: number; past_incidents: number; error: string | null } | null;
  actions: (Declared & { name: string; rules: string[]; automatic: string[] })[];
}

export const remediation = (): Endpoint<Remediation> => endpoint(`${ROOT}/remediation`);

/** A search for advice, among those of all incidents. */
export interface Sought {
  incident: number;
  rule: string;
  severity: Severity;
  summary: string;
  app_name: string | null;
  state: Standing;
  why: string | null;
  at: number;
  model: string;
  claims: { kept: number; dropped: number } | null;
  reused_from: number | null;
  counted: Counted;
  follow_up: Verdict | null;
  feedback: Said | null;
}

export const sought = (): Endpoint<Sought[]> => endpoint(`${ROOT}/remediation/advice`);

export interface Turned extends Record3 {
  not_tried: number;
  not_known: number;
}

export interface RuleRecord {
  rule: string;
  runs: Turned;
  people: Turned;
  settings: { key: string; runs: Turned }[];
}

export const records = (): Endpoint<RuleRecord[]> => endpoint(`${ROOT}/remediation/records`);
