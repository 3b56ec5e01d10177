import { token } from '../../core/theme';

/** Colours of tokens, each looked up once. Made anew for each theme. */
export function paints(): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let paint = known.get(name);
    if (paint === undefined) known.set(name, (paint = token(name)));
    return paint;
  };
}
