globalThis.preloaded = true
