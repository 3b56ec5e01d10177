import { defineConfig } from 'vitest/config';

// Times are shown in local time: tests need one zone.
process.env.TZ = 'Europe/Berlin';

export default defineConfig({ test: { include: ['{src,build}/**/*.test.ts'] } });
