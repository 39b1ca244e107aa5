import { packageNameOf, parsePackagePath } from './package-path.ts'

describe('the package of a file', () => {
  it.each([
    ['/app/node_modules/express/lib/router.js', 'express', '/app/node_modules/express', 'lib/router.js'],
    ['/app/node_modules/@nestjs/core/index.js', '@nestjs/core', '/app/node_modules/@nestjs/core', 'index.js'],
    [
      '/app/node_modules/.pnpm/pg@8.23.1/node_modules/pg/lib/client.js',
      'pg',
      '/app/node_modules/.pnpm/pg@8.23.1/node_modules/pg',
      'lib/client.js',
    ],
    ['/a/node_modules/b/node_modules/c/d.cjs', 'c', '/a/node_modules/b/node_modules/c', 'd.cjs'],
    [
      '/x/.yarn/cache/koa-npm-3.zip/node_modules/koa/i.js',
      'koa',
      '/x/.yarn/cache/koa-npm-3.zip/node_modules/koa',
      'i.js',
    ],
    [
      'C:\\app\\node_modules\\@hapi\\hapi\\lib\\index.js',
      '@hapi/hapi',
      'C:\\app\\node_modules\\@hapi\\hapi',
      'lib/index.js',
    ],
  ])('%s belongs to %s', (path, name, baseDir, file) => {
    expect(parsePackagePath(path)).toEqual({ name, baseDir, file })
  })

  it('is the same for a file URL', () => {
    expect(packageNameOf('file:///app/node_modules/@nestjs/core/index.js')).toBe('@nestjs/core')
  })

  it('is none for the files of the application', () => {
    expect(packageNameOf('/app/src/server.js')).toBeUndefined()
    expect(parsePackagePath('/app/node_modules/loose.js')).toBeUndefined()
  })
})
