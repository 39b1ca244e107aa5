// Node's fetch with a dispatcher of Node's own classes: two connections, no package.
const { serve, startPeer } = require('./lib.cjs')

startPeer().then(async peer => {
  await (await fetch('data:,')).text()
  // Since undici 8 the first holds a wrapper for older releases.
  const symbol = ['undici.globalDispatcher.2', 'undici.globalDispatcher.1']
    .map(name => Symbol.for(name))
    .find(one => globalThis[one] !== undefined)
  const Agent = globalThis[symbol].constructor
  const agent = new Agent({ connections: 2 })
  const read = async (tag, options) => (await fetch(`${peer.url}/${tag}`, options)).text()
  serve(
    {
      'fetch without a limit': tag => read(tag),
      'fetch with a dispatcher': tag => read(tag, { dispatcher: agent }),
      'fetch with another global dispatcher': tag => {
        globalThis[symbol] = agent
        return read(tag)
      },
      'fetch of a stream': tag =>
        read(tag, {
          method: 'POST',
          body: new Blob(['x']).stream(),
          duplex: 'half',
          dispatcher: agent,
        }),
    },
    async () => {
      await agent.close()
      peer.close()
    },
  )
})
