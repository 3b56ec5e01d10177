import { describe, expect, it } from 'vitest';
import type { Source } from '../../api/ours';
import { healthOf } from './health';

const NOW = 1_795_222_453_498;
const source = (over: Partial<Source>): Source => ({
  cluster: 'c', url: 's3://b/p', kind: 'event-logs', healthy: true, lastScan: NOW - 5000, lastSuccess: NOW - 5000, objects: 10, logs: 3, passedBy: 0, ...over,
});

describe('the health of a source', () => {
  it('is told in a word, and in a text that says what to do', () => {
    expect(healthOf(source({}), NOW)).toEqual({ tone: 'ok', word: 'Healthy', text: '' });
    expect(healthOf(source({ problem: 'access denied: allow s3:ListBucket' }), NOW)).toMatchObject({ tone: 'fail', text: 'access denied: allow s3:ListBucket' });
    const { lastSuccess: _, ...never } = source({});
    expect(healthOf(never, NOW).word).toBe('First listing');
    expect(healthOf(source({ lastSuccess: NOW - 3_600_000 }), NOW).text).toContain('for 60 min'.replace('60 min', '1 h'));
    expect(healthOf(source({ logs: 0 }), NOW)).toMatchObject({ tone: 'warn', word: 'No logs' });
  });
});
