import * as f from '../../../core/format';
import { Icon } from '../../../components/icon';
import type { Change } from '../plan/diff';
import type { Box } from '../plan/layout';
import { flagsOf, headlines, heat, stageHeadlines } from '../plan/metric';
import { kindOf } from '../plan/operator';
import type { Card as CardOf } from '../plan/visible';
import { Glyph } from './glyph';

interface Props {
  card: CardOf;
  box: Box;
  elementId: string;
  depth: number;
  /** At a distance only the name is drawn. */
  brief: boolean;
  selected: boolean;
  /** Of a search: it fits, or does not. */
  found: boolean | undefined;
  change: Change['kind'] | undefined;
  /** What it was in the other plan. */
  was: string | undefined;
  /** Whether this is the plan before the changes. */
  before: boolean;
  foldable: boolean;
  onSelect: (id: number) => void;
  onToggle: (id: number) => void;
}

/** An operator of the plan, or what stands for several. */
export function Card({ card, box, elementId, depth, brief, selected, found, change, was, before, foldable, onSelect, onToggle }: Props) {
  const { node, kind, share } = card;
  const step = heat(share);
  const said = flagsOf(card.nodes);
  const facts = brief ? [] : kind === 'operator' ? headlines(node) : kind === 'stage' ? stageHeadlines(node) : [];
  const classes = ['op', `heat${step}`, `op-${kind}`, selected && 'selected', found === true && 'found', found === false && 'faded', change && change !== 'same' && `op-${change}`];
  const opens = kind !== 'operator';
  return (
    <div
      id={elementId}
      class={classes.filter(Boolean).join(' ')}
      style={{ transform: `translate(${box.x}px, ${box.y}px)`, '--share': `${Math.min(1, share ?? 0) * 100}%` }}
      role="treeitem"
      aria-level={depth}
      aria-selected={selected}
      aria-expanded={foldable || opens ? !(card.folded || opens) : undefined}
      onClick={() => (kind === 'branches' ? onToggle(card.id) : onSelect(card.id))}
      onDblClick={() => (foldable || opens) && onToggle(card.id)}
    >
      <div class="op-head">
        <Glyph kind={kind === 'operator' ? kindOf(node.name) : kind} />
        {brief && said.length > 0 && <Icon name="warning" />}
        <span class="op-title" title={card.title}>{brief ? breakable(card.title) : card.title}</span>
        {share !== undefined && share >= 0.001 && <b class="op-share" title={`${f.percentExact(share)} of the run time of all stages: ${f.durationExact(card.time)}`}>{f.percent(share)}<span class="hidden-visually"> of the time</span></b>}
      </div>
      {!brief && (
        <>
          <div class="op-sub" title={node.description}>{was && change === 'changed' ? `${before ? 'became' : 'was'} ${was}` : card.subtitle}</div>
          <div class="op-facts">
            {facts.map((fact) => <span key={fact.exact} title={fact.exact}>{fact.text}</span>)}
            {said.map((flag) => <span key={flag.kind} class="op-flag" title={flag.exact}><Icon name="warning" />{flag.text}</span>)}
            {change === 'added' && <span class="op-mark">added</span>}
            {change === 'removed' && <span class="op-mark">removed</span>}
            {change === 'changed' && <span class="op-mark">changed</span>}
          </div>
        </>
      )}
      {(foldable || opens) && !brief && (
        <button type="button" class="op-fold" tabIndex={-1} aria-hidden="true" title={foldTitle(card)} onClick={(event) => (event.stopPropagation(), onToggle(card.id))}>
          {card.folded || opens ? `+${card.hidden}` : '−'}
        </button>
      )}
    </div>
  );
}

function foldTitle(card: CardOf): string {
  if (card.kind === 'stage') return 'Draw its operators';
  if (card.kind === 'branches') return 'Draw them all';
  return card.folded ? `Draw the ${f.counted(card.hidden, 'operator')} it reads from` : 'Fold what it reads from';
}

/** Long names may break between their words. */
const breakable = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1\u200b$2');
