import { useEffect, useRef } from 'preact/hooks';
import { Copy } from '../../../components/copy';
import { Empty } from '../../../components/state';
import type { PlanText } from '../plan/plan-text';

interface Props {
  text: PlanText;
  selected: number | undefined;
  onSelect: (id: number) => void;
}

/** Lines drawn as one block, which the browser lays out only when it comes into view. */
const BLOCK = 80;
const LINE_PX = 19;

/** The plan as Spark prints it. A click on an operator chooses it; what is said of the chosen one is marked. */
export function TextPlan({ text, selected, onSelect }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const line = selected === undefined ? undefined : text.treeLine.get(selected);
  const section = selected === undefined ? undefined : text.section.get(selected);
  useEffect(() => {
    box.current?.querySelector('[data-at="tree"]')?.scrollIntoView({ block: 'center' });
  }, [line, text]);
  if (text.lines.join('').trim() === '') return <Empty title="No plan was logged" />;

  const blocks = Array.from({ length: Math.ceil(text.lines.length / BLOCK) }, (_, n) => n * BLOCK);
  const marked = (at: number) => at === line || (section !== undefined && at >= section[0] && at < section[1]);
  return (
    <div class="text-plan">
      <div class="table-bar">
        <span class="muted">{selected === undefined ? 'Click an operator to mark what is said of it.' : line === undefined && section === undefined ? 'The text does not name the chosen operator.' : 'The chosen operator is marked.'}</span>
        <span class="spacer" />
        <Copy text={text.lines.join('\n')} label="Copy the plan">Copy</Copy>
      </div>
      <div ref={box} class="text-scroll" tabIndex={0} role="region" aria-label="Text plan">
        {blocks.map((from) => (
          <pre key={from} style={{ containIntrinsicSize: `auto ${Math.min(BLOCK, text.lines.length - from) * LINE_PX}px` }}>
            {text.lines.slice(from, from + BLOCK).map((words, n) => {
              const at = from + n;
              const id = text.operatorAt.get(at);
              const mark = marked(at);
              if (id === undefined && !mark) return `${words}\n`;
              return (
                <span key={at} class={mark ? 'marked' : 'named'} data-at={at === line ? 'tree' : undefined} aria-current={at === line ? 'true' : undefined} onClick={() => id !== undefined && onSelect(id)}>
                  {mark ? words : `${words}\n`}
                </span>
              );
            })}
          </pre>
        ))}
      </div>
    </div>
  );
}
