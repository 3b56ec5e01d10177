import type { ComponentChildren } from 'preact';
import './badge.css';

/** How something ended or stands: always a shape and a word, never colour alone. */
export type Tone = 'ok' | 'run' | 'fail' | 'warn' | 'idle';

interface Kind {
  tone: Tone;
  word: string;
}

const STATUS: Record<string, Kind> = {
  running: { tone: 'run', word: 'Running' },
  active: { tone: 'run', word: 'Active' },
  pending: { tone: 'idle', word: 'Pending' },
  completed: { tone: 'ok', word: 'Completed' },
  complete: { tone: 'ok', word: 'Completed' },
  succeeded: { tone: 'ok', word: 'Succeeded' },
  success: { tone: 'ok', word: 'Succeeded' },
  finished: { tone: 'ok', word: 'Finished' },
  closed: { tone: 'ok', word: 'Closed' },
  failed: { tone: 'fail', word: 'Failed' },
  killed: { tone: 'warn', word: 'Killed' },
  canceled: { tone: 'warn', word: 'Cancelled' },
  timedout: { tone: 'fail', word: 'Timed out' },
  lost: { tone: 'warn', word: 'Lost' },
  skipped: { tone: 'idle', word: 'Skipped' },
  unknown: { tone: 'idle', word: 'Unknown' },
  critical: { tone: 'fail', word: 'Critical' },
  warning: { tone: 'warn', word: 'Warning' },
  info: { tone: 'idle', word: 'Info' },
  firing: { tone: 'fail', word: 'Firing' },
  resolved: { tone: 'ok', word: 'Resolved' },
  proposed: { tone: 'run', word: 'Proposed' },
  done: { tone: 'ok', word: 'Done' },
  refused: { tone: 'idle', word: 'Refused' },
  sent: { tone: 'ok', word: 'Sent' },
  waiting: { tone: 'run', word: 'Waiting' },
  dead: { tone: 'fail', word: 'Given up' },
  none: { tone: 'ok', word: 'None' },
};

export function kindOf(status: string): Kind {
  return STATUS[status.toLowerCase()] ?? { tone: 'idle', word: status };
}

const SHAPES: Record<Tone, string> = {
  ok: 'M4.6 8.3 7 10.6l4.4-5',
  run: 'M8 4.6V8l2.2 1.4',
  fail: 'M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8',
  warn: 'M8 4.8v3.7M8 11v.1',
  idle: 'M5.2 8h5.6',
};

export function Mark({ tone }: { tone: Tone }) {
  return (
    <svg class={`mark ${tone}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <circle cx="8" cy="8" r="6.6" />
      <path d={SHAPES[tone]} />
    </svg>
  );
}

/** A status in Spark's words or ours. `quiet` has no box, for tables. */
export function Status({ of, quiet }: { of: string; quiet?: boolean }) {
  const { tone, word } = kindOf(of);
  return (
    <span class={`status ${tone}${quiet ? ' quiet' : ''}`}>
      <Mark tone={tone} />
      {word}
    </span>
  );
}

export function Badge({ tone = 'idle', title, children }: { tone?: Tone; title?: string; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}
