import { describe, expect, it } from 'vitest';
import { docPage } from './doc-page';

describe('docPage', () => {
  it('names the page and its sections', () => {
    const page = docPage('# Sources\n\n## What is `here`\n\ntext\n\n## What is here\n');
    expect(page.title).toBe('Sources');
    expect(page.sections).toEqual([
      { id: 'what-is-here', title: 'What is here' },
      { id: 'what-is-here-1', title: 'What is here' },
    ]);
  });

  it('links to pages, to other sites, and to nothing that is not here', () => {
    const html = (text: string) => docPage(text).html.trim();
    expect(html('[a](rest-differences.md#why)')).toBe('<p><a href="/docs/rest-differences#why">a</a></p>');
    expect(html('[a](https://spark.apache.org)')).toBe('<p><a href="https://spark.apache.org">a</a></p>');
    expect(html('[a](../DESIGN.md) [b](../tests)')).toBe('<p>a b</p>');
  });

  it('lets wide tables scroll by themselves', () => {
    expect(docPage('| a | b |\n|---|---|\n| `x` | y |\n').html).toBe(
      '<div class="doc-table" tabindex="0"><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><code>x</code></td><td>y</td></tr></tbody></table></div>\n',
    );
  });
});
