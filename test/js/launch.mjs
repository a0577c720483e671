// How the scripts beside this one start Chromium: CHROMIUM in the environment names another one.
import { chromium } from 'playwright-core'

/** Starts a browser that keeps to itself, with further flags. */
export function launch(...flags) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', ...flags,
    ],
  })
}
