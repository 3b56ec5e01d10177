import { expect, test } from 'vitest';
import { topicLags } from './offsets';

test('lag by topic, over all partitions', () => {
  const sources = [{
    description: 'KafkaV2[Subscribe[orders,clicks]]',
    startOffset: { orders: { 0: 10, 1: 10 }, clicks: { 0: 5 } },
    endOffset: '{"orders":{"0":15,"1":20},"clicks":{"0":5}}',
    latestOffset: { orders: { 0: 15, 1: 27 }, clicks: { 0: 5 } },
  }];
  expect(topicLags({ sources })).toEqual([
    { source: 'KafkaV2[Subscribe[orders,clicks]]', topic: 'orders', partitions: 2, lag: 7, read: 15, worst: { partition: '1', lag: 7 } },
    { source: 'KafkaV2[Subscribe[orders,clicks]]', topic: 'clicks', partitions: 1, lag: 0, read: 0, worst: { partition: '0', lag: 0 } },
  ]);
});

test('a first batch without start, and an end without latest', () => {
  expect(topicLags({ sources: [{ description: 'k', startOffset: null, endOffset: { t: { 0: 3 } } }] })).toEqual([{ source: 'k', topic: 't', partitions: 1, lag: undefined, read: undefined, worst: undefined }]);
});

test('offsets of other sources are no topics', () => {
  for (const endOffset of [64, '64', null, undefined, 'log', [1], {}, { logOffset: 4 }, { a: {} }]) expect(topicLags({ sources: [{ description: 's', endOffset }] })).toEqual([]);
});
