/** Findings and the rules that make them: docs/api.md. Names as in `afterglow findings --json`. */

import type { AppRef } from '../core/address';
import { type Endpoint, endpoint } from './client';
import { ofApp } from './ours';

export const SEVERITIES = ['critical', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Which part of an application is meant; `text` says it in words. */
export type FoundAt = { text: string } & (
  | { kind: 'application' }
  | { kind: 'job'; job: number }
  | { kind: 'stage'; stage: number; attempt: number }
  | { kind: 'sql'; sql: number }
  | { kind: 'node'; sql: number; node: number; name: string }
  | { kind: 'executor'; executor: string }
  | { kind: 'host'; host: string }
  | { kind: 'query'; run: string; name: string }
  | { kind: 'batch'; run: string; name: string; batch: number }
);

/** A number that a finding rests on; with `path` and `pointer` where REST has exactly this value, else with the address of what it was computed from. */
export interface Evidence {
  name: string;
  value: number | string;
  unit: 'ms' | 'bytes' | 'time' | 'count' | 'share' | 'ratio' | 'text';
  path?: string;
  pointer?: string;
  computed_from?: string;
}

/** null where it is not known. */
export interface AtStake {
  minutes: number | null;
  core_hours: number | null;
  gib_hours: number | null;
  money: number | null;
  currency: string | null;
}

/** A setting to change. */
export interface SettingAdvice {
  key: string;
  current: string | null;
  suggested: string;
  why: string;
  min_spark_version: string | null;
}

export type Advice = SettingAdvice | { text: string };

export interface Finding {
  cluster: string;
  app_id: string;
  attempt_id: string | null;
  app_name: string;
  rule: string;
  family: string;
  severity: Severity;
  sure: 'possible' | 'likely' | 'certain';
  summary: string;
  where: FoundAt;
  evidence: Evidence[];
  at_stake: AtStake;
  advice: Advice[];
}

/** What could not be judged, and what would let it be. */
export interface NotKnown {
  rule: string;
  /** Further rules that lack the same. */
  also: string[];
  what: string;
  remedy: string;
}

/** The severest first. */
export const findings = (app: AppRef): Endpoint<Finding[]> => ofApp(app, 'findings');

export const notKnown = (app: AppRef): Endpoint<NotKnown[]> => ofApp(app, 'findings/not-known');

export interface Rule {
  name: string;
  family: string;
  title: string;
}

export const rules = (): Endpoint<Rule[]> => endpoint('/api/afterglow/v1/rules');

/** A rule with its page, in Markdown. */
export const rule = (name: string): Endpoint<Rule & { page: string }> => endpoint(`/api/afterglow/v1/rules/${encodeURIComponent(name)}`);
