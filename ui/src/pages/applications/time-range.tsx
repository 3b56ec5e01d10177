import { Button } from '../../components/button';
import { Popover } from '../../components/popover';
import { setQuery, usePlace } from '../../core/router';
import { time } from '../../core/format';
import { fromLocalField, localField, RANGES } from './filter';

/** When applications started: a word, or two dates. */
export function TimeRange() {
  const { query } = usePlace();
  const range = RANGES[query.get('range') ?? ''];
  const bounds = (['from', 'to'] as const).map((name) => (query.get(name) ? Number(query.get(name)) : undefined));
  const choose = (patch: Record<string, string | undefined>) => setQuery({ range: undefined, from: undefined, to: undefined, ...patch });
  return (
    <Popover label="When it started" icon="clock" text={range?.title ?? inWords(bounds)}>
      {() => (
        <div class="apps-range">
          <div class="apps-range-words">
            <Button aria-pressed={!range && !bounds.some(Boolean)} onClick={() => choose({})}>Any time</Button>
            {Object.entries(RANGES).map(([name, { title }]) => (
              <Button key={name} aria-pressed={query.get('range') === name} onClick={() => choose({ range: name })}>{title}</Button>
            ))}
          </div>
          {(['from', 'to'] as const).map((name, at) => (
            <label key={name}>
              {name === 'from' ? 'From' : 'To'} <span class="muted">(local time)</span>
              <input type="datetime-local" value={localField(bounds[at])}
                onChange={(event) => choose({ from: query.get('from') ?? undefined, to: query.get('to') ?? undefined, [name]: fromLocalField(event.currentTarget.value) })} />
            </label>
          ))}
        </div>
      )}
    </Popover>
  );
}

function inWords([from, to]: (number | undefined)[]): string {
  const short = (ms: number) => time(ms).slice(0, 16);
  if (from !== undefined && to !== undefined) return `${short(from)} to ${short(to)}`;
  if (from !== undefined) return `Since ${short(from)}`;
  return to === undefined ? 'Any time' : `Until ${short(to)}`;
}
