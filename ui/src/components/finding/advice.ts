import type { Advice, AtStake, Finding, SettingAdvice, Severity } from '../../api/findings';
import { SEVERITIES } from '../../api/findings';
import { count, duration } from '../../core/format';
import { confs } from '../../core/shell';

/** What findings say together. */

export const isSetting = (advice: Advice): advice is SettingAdvice => 'key' in advice;

/** Settings that findings advise, each once: where two findings want different values, the severer one has its way. */
export function settingsOf(findings: Finding[]): SettingAdvice[] {
  const byKey = new Map<string, SettingAdvice>();
  for (const finding of findings) for (const advice of finding.advice) if (isSetting(advice) && !byKey.has(advice.key)) byKey.set(advice.key, advice);
  return [...byKey.values()];
}

export const asConfs = (settings: SettingAdvice[]): string => confs(settings.map((s) => [s.key, s.suggested]));

/** Tells findings of one application apart: a rule may see two things in one place. */
export const keyOf = (of: Finding): string => `${of.rule} ${of.where.text} ${of.summary}`;

/** How many there are of each severity, the severest first; those that there are. */
export function bySeverity(findings: Finding[]): [Severity, number][] {
  return SEVERITIES.map((of): [Severity, number] => [of, findings.filter((f) => f.severity === of).length]).filter(([, n]) => n > 0);
}

/** A finding, and others of the same rule and severity elsewhere. */
export interface Group {
  first: Finding;
  others: Finding[];
}

/** In the order of the first of each. */
export function grouped(findings: Finding[]): Group[] {
  const groups = new Map<string, Group>();
  for (const finding of findings) {
    const key = `${finding.rule} ${finding.severity}`;
    const known = groups.get(key);
    if (known) known.others.push(finding);
    else groups.set(key, { first: finding, others: [] });
  }
  return [...groups.values()];
}

/** A part of what is at stake: as one reads it, and exactly. */
export interface Stake {
  text: string;
  exact: string;
}

export function stakes(at: AtStake): Stake[] {
  const all: Stake[] = [];
  if (at.minutes !== null && at.minutes > 0) {
    const ms = Math.round(at.minutes * 60_000);
    all.push({ text: duration(ms), exact: `${count(ms)} ms of the application's duration at most` });
  }
  if (at.core_hours !== null && at.core_hours > 0) all.push({ text: coreTime(at.core_hours), exact: `${at.core_hours} core hours at most` });
  if (at.gib_hours !== null && at.gib_hours > 0) all.push({ text: `${brief(at.gib_hours)} GiB-h`, exact: `${at.gib_hours} GiB hours of memory at most` });
  if (at.money !== null && at.money > 0) all.push({ text: `${at.money < 0.01 ? '<0.01' : at.money.toFixed(2)} ${at.currency ?? ''}`.trim(), exact: `${at.money} ${at.currency ?? ''} at most`.replace('  ', ' ') });
  return all;
}

/** Core hours; seconds where it is little. */
export function coreTime(hours: number): string {
  return hours < 0.01 ? `${brief(hours * 3600)} core-s` : `${brief(hours)} core-h`;
}

/** 0.0123, 1.23, 123. */
export function brief(n: number): string {
  if (n < 0.001) return '<0.001';
  return new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 }).format(n);
}
