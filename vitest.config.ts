import { defineConfig } from 'vitest/config';

const common = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: 'forks',
  // Lists of troubles are said whole: a failure may come once in a hundred runs.
  chaiConfig: { truncateThreshold: 0 },
} as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'local',
          include: ['test/**/*.test.ts'],
          exclude: ['test/containers/**', 'test/faults/**', 'test/artefacts/**', 'test/k8s/cluster.test.ts'],
        },
      },
      // Minutes each, and hours as a whole: what bounds them is said in docs/reliability.md.
      {
        test: {
          ...common,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          ...common,
          name: 'k8s',
          include: ['test/k8s/cluster.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      // Of an executable, which scripts/test-artefacts.mjs builds.
      { test: { ...common, name: 'artefacts', include: ['test/artefacts/**/*.test.ts'] } },
      {
        test: {
          ...common,
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          globalSetup: ['test/containers/setup.ts'],
          // One engine, named containers and images: one file after the other.
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
