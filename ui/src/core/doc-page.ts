import { Marked, type Tokens } from 'marked';

/** Markdown as pages show it: the documentation when the UI is built, pages of rules when they arrive. */

export interface DocPage {
  title: string;
  html: string;
  /** Headings of the second rank. */
  sections: { id: string; title: string }[];
}

export function docPage(text: string): DocPage {
  const page: DocPage = { title: '', html: '', sections: [] };
  const taken = new Map<string, number>();
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading) {
        const id = unique(slug(text), taken);
        const plain = text.replaceAll('`', '');
        if (depth === 1) page.title = plain;
        if (depth === 2) page.sections.push({ id, title: plain });
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link) {
        const to = target(href);
        const inside = this.parser.parseInline(tokens);
        // What is not among these pages is in the source tree, which a reader here does not have.
        return to ? `<a href="${to}">${inside}</a>` : inside;
      },
      // No page of ours has markup of its own; what looks like it is shown.
      html({ text }: Tokens.HTML | Tokens.Tag) {
        return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      },
      table(token: Tokens.Table) {
        const cell = (c: Tokens.TableCell, tag: string) => `<${tag}>${this.parser.parseInline(c.tokens)}</${tag}>`;
        const row = (cells: Tokens.TableCell[], tag: string) => `<tr>${cells.map((c) => cell(c, tag)).join('')}</tr>`;
        const rows = token.rows.map((cells) => row(cells, 'td')).join('');
        return `<div class="doc-table" tabindex="0"><table><thead>${row(token.header, 'th')}</thead><tbody>${rows}</tbody></table></div>\n`;
      },
    },
  });
  page.html = marked.parse(text, { async: false });
  return page;
}

/** Where a link of a document leads in the UI; undefined if nowhere. */
function target(href: string): string | undefined {
  if (/^(https?:|#)/.test(href)) return href;
  const [path = '', hash] = href.split('#');
  if (!path.endsWith('.md') || path.startsWith('../')) return undefined;
  return `/docs/${path.slice(path.lastIndexOf('/') + 1, -'.md'.length)}${hash ? `#${hash}` : ''}`;
}

/** The anchor that other Markdown readers give a heading, too. */
function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(/\s/g, '-');
}

function unique(id: string, taken: Map<string, number>): string {
  const n = taken.get(id) ?? 0;
  taken.set(id, n + 1);
  return n === 0 ? id : `${id}-${n}`;
}
