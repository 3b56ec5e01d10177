import { describe, expect, it } from 'vitest';
import { sentences } from './completeness';

describe('what a log lacks', () => {
  it('is nothing for a whole log', () => expect(sentences({}, false)).toEqual([]));
  it('is said in sentences', () => {
    expect(sentences({ damagedLines: 1, damagedBlocks: 2, missingParts: [2, 5] }, false)).toEqual([
      '1 line could not be read and is missing.',
      '2 compressed blocks did not decode; reading went on behind them.',
      'Part 2, 5 of the rolling log are missing.',
    ]);
    expect(sentences({ unknownEvents: { 'com.example.Event': 3 } }, false)).toEqual(['Events of unknown kinds were passed by: com.example.Event (3).']);
  });
  it('does not count what merely goes on', () => {
    const note = { tornTail: true, tasksWithoutEnd: 3, jobsWithoutEnd: 1 };
    expect(sentences(note, true)).toEqual([]);
    expect(sentences(note, false)).toHaveLength(3);
  });
});
