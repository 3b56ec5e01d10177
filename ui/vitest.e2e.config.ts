import { defineConfig } from 'vitest/config';

// Against a running Afterglow at $AFTERGLOW. One browser at a time: the machine is small.
export default defineConfig({
  test: {
    include: [process.env.SCREENSHOTS ? 'e2e/screenshots.ts' : 'e2e/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    fileParallelism: false,
  },
});
