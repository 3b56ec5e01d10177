/** Arguments for spark-submit, as one pastes them into a shell. */

/** For a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `--conf key=value`, one a line. */
export function confs(settings: (readonly [key: string, value: string])[]): string {
  return settings.map(([key, value]) => `--conf ${quoted(`${key}=${value}`)}`).join(' \\\n');
}
