// The only reader of the environment. A plain copy: every access to process.env is a call into C++, and what was read
// at start must not change under us.

export type Env = Readonly<Record<string, string | undefined>>

export function readEnv(): Env {
  return { ...process.env }
}
