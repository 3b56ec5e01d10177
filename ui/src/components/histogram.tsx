import { useState } from 'preact/hooks';
import { compact, count, counted } from '../core/format';
import { Button } from './button';
import { PlainTable } from './plain-table';
import { marksOf, scaleOf, type ScaleUnit } from './scale';
import { Tip, TipTable, type TipPlace } from './tip';
import './histogram.css';

interface Bin {
  from: number;
  to: number;
  count: number;
}

interface Props {
  label: string;
  bins: Bin[];
  /** What is counted: `task`. */
  unit: string;
  of: ScaleUnit;
  show: (value: number) => string;
  /** Lines across: the median, say. */
  marks?: { at: number; text: string }[];
  height?: number;
}

/** How often which value: bars, with a table behind them. A bar that holds anything is never too small to see. */
export function Histogram({ label, bins, unit, of, show, marks = [], height = 190 }: Props) {
  const [hover, setHover] = useState<{ bin: Bin; at: TipPlace }>();
  const [table, setTable] = useState(false);
  const low = bins[0]?.from ?? 0;
  const high = bins[bins.length - 1]?.to ?? 1;
  const most = Math.max(1, ...bins.map((b) => b.count));
  const total = bins.reduce((all, b) => all + b.count, 0);
  const percentOf = (value: number) => `${high > low ? ((value - low) / (high - low)) * 100 : 0}%`;
  const scale = scaleOf(0, most, 'count', 4);
  return (
    <figure class="histogram" aria-label={label}>
      <div class="histogram-bar">
        <Button quiet icon={table ? 'chart' : 'table'} label={table ? `Show ${label} as bars` : `Show ${label} as a table`} onClick={() => setTable(!table)} />
      </div>
      {table ? (
        <div class="histogram-table" style={{ maxHeight: `${height + 24}px` }} tabIndex={0} role="region" aria-label={`${label}, as a table`}>
          <PlainTable
            label={label}
            rows={bins}
            rowKey={(b) => b.from}
            columns={[
              { title: 'From', right: true, cell: (b) => show(b.from) },
              { title: 'To', right: true, cell: (b) => show(b.to) },
              { title: `${unit.charAt(0).toUpperCase()}${unit.slice(1)}s`, right: true, cell: (b) => count(b.count) },
            ]}
          />
        </div>
      ) : (
        <div class="histogram-plot" role="img" aria-label={`${label}: bars; the numbers are in the table`}>
          <div class="histogram-scale" style={{ height: `${height}px` }}>
            {scale.marks.map((mark) => (
              <span key={mark} style={{ bottom: `${(mark / scale.high) * 100}%` }}>{compact(mark)}</span>
            ))}
          </div>
          <div class="histogram-area" style={{ height: `${height}px` }} onPointerLeave={() => setHover(undefined)}>
            {scale.marks.slice(1).map((mark) => (
              <i key={mark} class="histogram-line" style={{ bottom: `${(mark / scale.high) * 100}%` }} />
            ))}
            {bins.map((bin) => (
              <div key={bin.from} class={`histogram-bin${hover?.bin === bin ? ' active' : ''}`} onPointerMove={(e) => setHover({ bin, at: { x: e.clientX, y: e.clientY } })}>
                <span style={{ height: bin.count === 0 ? 0 : `max(3px, ${(bin.count / scale.high) * 100}%)` }} />
              </div>
            ))}
            {marks.map((mark, at) => (
              <div key={mark.text} class="histogram-mark" style={{ left: percentOf(mark.at), '--down': at }}>
                <span class={high > low && (mark.at - low) / (high - low) > 0.7 ? 'left' : ''}>{mark.text}</span>
              </div>
            ))}
          </div>
          <div class="histogram-axis">
            {marksOf(low, high, of).map((mark) => (
              <span key={mark} style={{ left: percentOf(mark) }}>{show(mark)}</span>
            ))}
          </div>
        </div>
      )}
      {hover && (
        <Tip at={hover.at}>
          <TipTable
            title={`${show(hover.bin.from)} to ${show(hover.bin.to)}`}
            lines={[{ name: 'Holds', value: counted(hover.bin.count, unit) }, { name: 'Of', value: counted(total, unit), small: true }]}
          />
        </Tip>
      )}
    </figure>
  );
}
