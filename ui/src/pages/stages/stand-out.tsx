import { type Stage, type StageRef, tasks } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Mark, type Tone } from '../../components/badge';
import { Section } from '../../components/section';
import { Skeleton } from '../../components/state';
import { usePlace, withQuery } from '../../core/router';
import { evenly, type Finding, findings } from './findings';
import { measured } from './measures';
import type { Quantiles } from './quantiles';
import { mostSkewed, skewOf } from './skew';

const LARGEST = 20;

/** Skew and the like in words, each with its numbers and a way to the tasks behind it. */
export function StandOut({ stage, stageRef, summary }: { stage: Stage; stageRef: StageRef; summary: Quantiles }) {
  const { app } = useApp();
  const data = summary.data;
  const slow = data && skewOf(data, measured('duration'))?.level !== 'even';
  const uneven = data && mostSkewed(data);
  const success = { status: ['SUCCESS'] };
  const slowest = useResource(slow ? tasks(app, stageRef, success, '-duration', 0, LARGEST) : undefined);
  const largest = useResource(uneven ? tasks(app, stageRef, success, `-${uneven.id}`, 0, LARGEST) : undefined);
  const waiting = (!data && !summary.error && !summary.none) || (slow && slowest.loading && !slowest.data) || stage.executors === undefined;
  const found = findings({
    stage,
    summary: data,
    slowest: slowest.data?.tasks,
    largest: uneven && largest.data ? { of: uneven, tasks: largest.data.tasks } : undefined,
  });
  return (
    <Section title="What stands out" help="skew">
      {waiting ? (
        <Skeleton lines={3} />
      ) : found.length === 0 ? (
        <p class="muted">{evenly(stage, data)}</p>
      ) : (
        <ul class="findings">
          {found.map((one) => (
            <One key={one.text} finding={one} />
          ))}
        </ul>
      )}
    </Section>
  );
}

const TONES: Record<Finding['tone'], Tone> = { warn: 'warn', fail: 'fail', info: 'idle' };

function One({ finding: { tone, text, more, look } }: { finding: Finding }) {
  const { path } = usePlace();
  return (
    <li class="finding">
      <Mark tone={TONES[tone]} />
      <div>
        <p>{text}</p>
        {more && <p>{more}</p>}
      </div>
      {look && <a href={withQuery(path, new URLSearchParams(), look.query)}>{look.text}</a>}
    </li>
  );
}
