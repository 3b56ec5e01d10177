// Before the first paint, so that a chosen theme does not flash.
try {
  const theme = localStorage.getItem('afterglow.theme');
  if (theme === '"light"' || theme === '"dark"') document.documentElement.dataset.theme = theme.slice(1, -1);
} catch {
  // Storage is refused: the system's theme it is.
}
