/** Which rows of a long list are in view. Rows are of equal height, so nothing is measured. */

/** Browsers clip elements beyond some 17 to 33 million pixels; longer lists scroll in proportion. */
const TALLEST = 8_000_000;

export interface Window {
  first: number;
  /** One past the last. */
  last: number;
  /** Where the first row is drawn, pixels from the top of the scrolled area. */
  top: number;
  /** Of the scrolled area, pixels. */
  height: number;
}

export function windowOf(scrollTop: number, view: number, total: number, row: number, overscan: number): Window {
  const full = total * row;
  const height = Math.min(full, TALLEST);
  const scroll = Math.max(0, Math.min(scrollTop, height - view));
  const at = full > height && height > view ? (scroll / (height - view)) * (full - view) : scroll;
  const first = Math.max(0, Math.floor(at / row) - overscan);
  const last = Math.min(total, Math.ceil((at + view) / row) + overscan);
  return { first, last, top: scroll - (at - first * row), height };
}

/** The scroll position that has row `at` in view, moving no further than needed. */
export function scrollTo(at: number, scrollTop: number, view: number, total: number, row: number): number {
  const full = total * row;
  const height = Math.min(full, TALLEST);
  const stretch = full > height && height > view ? (full - view) / (height - view) : 1;
  const seen = scrollTop * stretch;
  if (at * row < seen) return (at * row) / stretch;
  if ((at + 1) * row > seen + view) return ((at + 1) * row - view) / stretch;
  return scrollTop;
}
