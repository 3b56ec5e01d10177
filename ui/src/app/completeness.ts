import type { Completeness } from '../api/ours';
import { counted } from '../core/format';

/** What a log lacks, a sentence each. While the application runs, an open end is as it should be. */
export function sentences(note: Completeness, running: boolean): string[] {
  const said: string[] = [];
  const add = (n: number | undefined, words: (n: number) => string) => n !== undefined && n > 0 && said.push(words(n));
  add(note.damagedLines, (n) => `${counted(n, 'line')} could not be read and ${n === 1 ? 'is' : 'are'} missing.`);
  add(note.damagedBlocks, (n) => `${counted(n, 'compressed block')} did not decode; reading went on behind ${n === 1 ? 'it' : 'them'}.`);
  add(note.mendedLines, (n) => `${counted(n, 'event')} had characters that are no text; they were replaced.`);
  if (note.tornTail && !running) said.push('The log ends in the middle of an event: its writer was stopped, or the upload was cut off.');
  if (note.missingParts?.length) said.push(`Part ${note.missingParts.join(', ')} of the rolling log ${note.missingParts.length === 1 ? 'is' : 'are'} missing.`);
  if (note.compacted) said.push('Spark compacted the log: events of finished jobs were dropped by the History Server that did it.');
  if (note.noApplicationStart) said.push('The start of the application is missing, so it is named by its file or folder.');
  add(note.taskEndsWithoutStart, (n) => `${counted(n, 'task')} ended without a logged start.`);
  if (!running) {
    add(note.tasksWithoutEnd, (n) => `${counted(n, 'task')} never ended: the log has no end for ${n === 1 ? 'it' : 'them'}.`);
    add(note.jobsWithoutEnd, (n) => `${counted(n, 'job')} never ended.`);
  }
  const unknown = Object.entries(note.unknownEvents ?? {});
  if (unknown.length > 0) said.push(`Events of unknown kinds were passed by: ${unknown.map(([name, n]) => `${name} (${n})`).join(', ')}.`);
  return said;
}
