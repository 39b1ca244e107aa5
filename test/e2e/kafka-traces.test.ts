// What docs/kafka.md shows is what its examples print. UPDATE_DOCS=1 writes the page anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'

const root = join(__dirname, '../..')
const page = join(root, 'docs/kafka.md')

/** The story without what is different in every run: identities, durations and the bars that draw them. */
function outline(story: string): string[] {
  const known = new Map<string, string>()
  const number = (id: string) => {
    if (!known.has(id)) known.set(id, `#${known.size + 1}`)
    return known.get(id)!
  }
  return story
    .trim()
    .split('\n')
    .map(line =>
      line
        .replace(/\b([0-9a-f]{32}|[0-9a-f]{16})\b/g, number)
        .replace(/ +[▏▎▍▌▋▊▉█ ]* [\d.]+ (µs|ms|s)$/, '')
        .replace(/(?<=^trace #\d+) +[\d.]+ (µs|ms|s),/, ','),
    )
}

test.each(['kafka-retries', 'kafka-batch'])(
  'docs/kafka.md shows what examples/%s prints',
  async example => {
    await using app = await runApp(join(root, 'examples', example, 'run.mjs'), {
      preload: false,
      ready: /^linked$/m,
      timeoutMs: 60_000,
      // A receiver of its own, as for anybody.
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: undefined },
    })
    expect(await app.exited).toEqual({ code: 0, signal: null })
    const text = readFileSync(page, 'utf8')
    const block = new RegExp(
      `(<!-- printed by examples/${example}/run\\.mjs -->\\n\`\`\`\\n)([^]*?)(\`\`\`\\n)`,
    )
    const shown = block.exec(text)?.[2]
    expect(outline(app.stdout).length).toBeGreaterThan(5)
    if (process.env.UPDATE_DOCS) {
      writeFileSync(
        page,
        text.replace(block, (_, before, __, after) => `${before}${app.stdout.trim()}\n${after}`),
      )
    } else {
      expect(outline(shown ?? '')).toEqual(outline(app.stdout))
    }
  },
  90_000,
)
