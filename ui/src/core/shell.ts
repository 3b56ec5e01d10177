/** Settings as one pastes them: arguments of spark-submit, statements of SQL, JSON. */

/** For a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `--conf key=value`, one a line. */
export function confs(settings: (readonly [key: string, value: string])[]): string {
  return settings.map(([key, value]) => `--conf ${quoted(`${key}=${value}`)}`).join(' \\\n');
}

/** What Spark fixes when a session begins, of what begins with `spark.sql.`. */
const STATIC = new Set(['spark.sql.extensions', 'spark.sql.warehouse.dir', 'spark.sql.catalogImplementation', 'spark.sql.cache.serializer']);

/** Whether SET may change it in a session that runs. */
export const settable = (key: string): boolean => key.startsWith('spark.sql.') && !STATIC.has(key);

/** `SET key=value;`, one a line, of those that a session may change. */
export function sets(settings: (readonly [key: string, value: string])[]): string {
  return settings.filter(([key]) => settable(key)).map(([key, value]) => `SET ${key}=${value};`).join('\n');
}

/** An object of JSON, as jobs of EMR Serverless, Glue and Livy take it. */
export function asJson(settings: (readonly [key: string, value: string])[]): string {
  return JSON.stringify(Object.fromEntries(settings), null, 2);
}
