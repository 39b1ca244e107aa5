/** What a table has under a word somebody wrote, and not what every object inherits (`constructor`). */
export function lookUp<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined
}
